import assert from 'node:assert/strict'
import { openLine } from './line.js'
import { texts } from '../transports/stage.js'
import type { Line, LineOptions, PipelineBench, Run } from './line.js'
import type { Cases } from '../transports/stage.js'

/** Processes that die, stall or are stopped in the middle. */
export function failing(options: LineOptions): Cases<PipelineBench> {
  return {
    async 'a process that dies loses nothing, and doubles only what it had in hand'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 12)
      const held = stage.gate()
      const dying = async ({ key, effect, reach }: Run): Promise<void> => {
        if (key === 'key1' || key === 'key2') effect()
        if (key === 'key1' || key === 'key3') await reach(held.opened)
        if (key !== 'key2') effect()
      }
      const one = await line.work('one', { handle: dying, concurrency: 3 })
      await line.publish(keys)
      await stage.until('it has begun', () => one.inHand().includes('key1') && one.inHand().includes('key3'))
      const inHand = new Set(one.inHand())
      await one.crash()
      await line.work('two')
      await line.untilSettled()
      assertOnce(line, keys, inHand)
      assert.ok(
        line.runs.every(({ attempt }) => attempt === 1),
        'dying is no attempt',
      )
      await line.assertNothingLeft()
    },

    async 'a message that kills every process that takes it is set aside, and its company is not'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 6)
      const held = stage.gate()
      const handle = async ({ key, effect, reach }: Run): Promise<void> => {
        if (key === 'killer') await reach(held.opened)
        effect()
      }
      await line.publish([...keys.slice(0, 3), 'killer', ...keys.slice(3)])
      for (const name of ['one', 'two']) {
        const worker = await line.work(name, { handle, maxLapses: 2 })
        await stage.until('the killer runs', () => worker.inHand().includes('killer'))
        // Its company may be hit once. The second time it waits for its turn, unless it was just claimed to find that out.
        if (name === 'two') await stage.until('nothing else is claimed', () => worker.claims() === 1)
        await worker.crash()
      }
      await line.work('three', { handle, maxLapses: 2 })
      await line.untilSettled()
      for (const key of keys) assert.ok(line.effectsOf(key).length >= 1, `${key} took effect`)
      assert.deepEqual(
        line.runs.filter(({ key }) => key === 'killer').map(({ worker, attempt }) => `${worker} ${attempt}`),
        ['one 1', 'two 1'],
      )
      const letters = await stage.bench.deadLetters('one')
      assert.deepEqual(
        letters.map(({ headers }) => [headers['hapax-key'], headers['hapax-attempts']]),
        [['killer', '0']],
      )
      await line.assertNothingLeft()
    },

    async 'a process that stalls past its lease is overtaken, and finds that out'(stage) {
      const line = openLine(stage, options)
      const held = stage.gate()
      const handle = async ({ key, reach, effect }: Run): Promise<void> => {
        if (key === 'stalled') await reach(held.opened)
        effect()
      }
      const one = await line.work('one', { handle })
      await line.publish(['stalled'])
      await stage.until('it runs', () => one.inHand().includes('stalled'))
      const two = await line.work('two')
      await line.warmUp(one, two)
      await line.untilSettled({ but: 'stalled' })
      one.stall()
      await stage.until('the other one has taken it over', async () => {
        await line.publish(['stalled'])
        await stage.passTime(options.leaseMs / 4)
        return line.effectsOf('stalled').length > 0
      })
      held.open()
      one.resume()
      await line.untilSettled()
      const [newer, older] = line.effectsOf('stalled')
      assert.ok(newer && older && line.effectsOf('stalled').length === 2, 'both took effect: fencing tokens tell them apart')
      assert.deepEqual([newer.worker, older.worker], ['two', 'one'])
      assert.ok(newer.token > older.token, `${newer.token} was claimed after ${older.token}`)
      const told = (wanted: string): number => line.outcomes('stalled').filter(({ status }) => status === wanted).length
      // The messages may have come to their end elsewhere before the one that was overtaken has found out.
      await stage.until('the older one is told', () => told('lease-lost') > 0)
      assert.deepEqual([told('handled'), told('lease-lost')], [1, 1])
      assert.ok(
        line.runs.every(({ attempt }) => attempt === 1),
        'stalling is no attempt',
      )
      await line.assertNothingLeft()
    },

    async 'a process that stalls past its lease and then fails has not failed: another one did the work'(stage) {
      const line = openLine(stage, options)
      const held = stage.gate()
      const handle = async ({ key, reach, effect }: Run): Promise<void> => {
        if (key !== 'stalled') return effect()
        await reach(held.opened)
        throw new Error('too late')
      }
      const one = await line.work('one', { handle, maxAttempts: 1 })
      await line.publish(['stalled'])
      await stage.until('it runs', () => one.inHand().includes('stalled'))
      const two = await line.work('two', { maxAttempts: 1 })
      await line.warmUp(one, two)
      await line.untilSettled({ but: 'stalled' })
      one.stall()
      await stage.until('the other one has taken it over', async () => {
        await line.publish(['stalled'])
        await stage.passTime(options.leaseMs / 4)
        return line.effectsOf('stalled').length > 0
      })
      held.open()
      one.resume()
      await line.untilSettled()
      assertOnce(line, ['stalled'], new Set())
      assert.ok(line.outcomes('stalled').every(({ attempts }) => attempts === 0))
      assert.deepEqual(await stage.bench.deadLetters('one'), [])
      await line.assertNothingLeft()
    },

    async 'a handler that outlives the stop of its process takes effect once'(stage) {
      const line = openLine(stage, options)
      const held = stage.gate()
      const handle = async ({ reach, effect }: Run): Promise<void> => {
        await reach(held.opened)
        effect()
      }
      const one = await line.work('one', { handle, concurrency: 2 })
      await line.publish(['slow1', 'slow2'])
      await stage.until('both run', () => one.inHand().length === 2)
      await stage.stop(one.consumption)
      // They come again while they still run: the claims that were handed back rest as long as a lease.
      await line.work('two')
      await line.publish(['next'])
      await stage.until('the other one works', () => line.effectsOf('next').length > 0)
      await stage.passTime(options.leaseMs / 4)
      held.open()
      await stage.until('both have ended', () => line.effectsOf('slow1').length > 0 && line.effectsOf('slow2').length > 0)
      await line.publish(['slow1', 'slow2', 'next'])
      await line.untilSettled()
      assertOnce(line, ['slow1', 'slow2', 'next'], new Set())
      await line.assertNothingLeft()
    },

    async 'a handler that heeds its signal at a stop is run again, and that is no attempt'(stage) {
      const line = openLine(stage, options)
      const handle = ({ signal }: Run): Promise<void> =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason as Error))
        })
      const one = await line.work('one', { handle, concurrency: 2 })
      await line.publish(texts('key', 6))
      await stage.until('it has begun', () => one.inHand().length === 2)
      await stage.stop(one.consumption)
      await line.work('two')
      await line.untilSettled()
      assertOnce(line, texts('key', 6), new Set())
      assert.ok(line.runs.every(({ attempt }) => attempt === 1))
      await line.assertNothingLeft()
    },
  }
}

/** Nothing is lost, and nothing doubled but what was in the hands of those who died or stalled. */
export function assertOnce(line: Line, keys: readonly string[], inHand: ReadonlySet<string>): void {
  for (const key of keys) {
    const { length } = line.effectsOf(key)
    assert.ok(length >= 1, `${key} is lost`)
    if (!inHand.has(key)) assert.equal(length, 1, `effects of ${key}`)
    const tokens = line.effectsOf(key).map(({ token }) => token)
    assert.equal(new Set(tokens).size, tokens.length, `two effects of ${key} under one claim`)
  }
}
