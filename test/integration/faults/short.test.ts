/** The short form of `npm run faults`: servers of its own, a few faults, and the same judge. */
import { describe, expect, test } from 'vitest'
import { conduct } from '../../faults/conduct.js'
import { readOptions } from '../../faults/options.js'
import { tell } from '../../faults/report/text.js'

// Side by side: most of the time they wait for a server to come back.
describe.concurrent('nothing is lost, and nothing done twice that no guarantee allows', () => {
  test.each([
    ['redis', 'kafka', 'lease', 'kill,stall,store-kill,store-lose,redis-scripts,broker-tear'],
    ['postgres', 'rabbitmq', 'inbox', 'kill,stall,store-kill,store-mute,broker-cut,roll'],
    ['mariadb', 'rabbitmq', 'outbox', 'kill,stall,store-cut,store-lose,broker-kill'],
  ])('%s, %s, %s', { timeout: 180_000 }, async (store, transport, mode, nemesis) => {
    const args = ['--store', store, '--transport', transport, '--mode', mode, '--nemesis', nemesis]
    const options = readOptions([...args, '--minutes', '0.3', '--rate', '60', '--calm', '1', '--lease', '3', '--workers', '2'])
    const told: string[] = []
    const result = await conduct(options, (text, isLive) => isLive || told.push(text))
    expect(result.verdict.isOk, [...told, tell(result)].join('\n')).toBe(true)
    // That something was tried at all.
    expect(result.faults.length).toBeGreaterThan(2)
    expect(result.verdict.lines[0]?.count).toBeGreaterThan(300)
  })
})
