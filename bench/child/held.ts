import { fork } from 'node:child_process'
import { createHistogram } from 'node:perf_hooks'
import { numberOf } from '../contract.js'
import { nowUs, sentAtOf } from './sending.js'
import type { Measured, Setup, Stream } from '../contract.js'
import type { Sent } from './sending.js'
import type { Work } from './work.js'

/** A steady load from another process: how long it takes from a message's sending to the end of its handler, and whether that keeps up. */
export async function measureHeld(setup: Setup<Stream>, work: Work): Promise<Measured> {
  const { name, settings } = work
  const latencyUs = createHistogram()
  const keys = new Set<string>()
  let [runs, settledCount, firstAt, lastAt] = [0, 0, 0, 0]
  let expected = Number.POSITIVE_INFINITY
  let end = (): void => undefined
  const ended = new Promise<void>((resolve) => (end = resolve))
  const endIfAll = (): void => {
    if (settledCount >= expected) end()
  }
  const stream = await setup({
    name,
    concurrency: numberOf(settings, 'concurrency'),
    settings,
    async handle(key) {
      runs += 1
      keys.add(key)
      latencyUs.record(Math.max(1, Math.round(nowUs() - sentAtOf(key))))
    },
    settled(count = 1) {
      lastAt = performance.now()
      if (settledCount === 0) firstAt = lastAt
      settledCount += count
      endIfAll()
    },
  })
  await stream.start()
  const cpuBefore = process.cpuUsage()
  const sent = await send({ ...work, contender: 'kafka-sender', measuring: 'sending' })
  expected = sent.messages
  const behind = sent.messages - settledCount
  endIfAll()
  await ended
  const { user, system } = process.cpuUsage(cpuBefore)
  await stream.close()
  return {
    measures: {
      perSecond: (settledCount / (lastAt - firstAt)) * 1_000,
      p50Ms: latencyUs.percentile(50) / 1_000,
      p99Ms: latencyUs.percentile(99) / 1_000,
      mostMs: latencyUs.max / 1_000,
      behind,
      cpuUs: (user + system) / settledCount,
    },
    wrong: runs === sent.messages && keys.size === runs ? undefined : `${runs} runs of ${keys.size} keys for ${sent.messages} messages`,
  }
}

function send(work: Work): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', [JSON.stringify(work)], { execArgv: process.execArgv })
    child.once('message', (message) => resolve((message as Measured).measures as unknown as Sent))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`The sender ended with status ${code}`)))
  })
}
