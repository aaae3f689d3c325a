import { PerformanceObserver } from 'node:perf_hooks'
import { numberOf } from '../contract.js'
import { median } from '../statistics.js'
import { faultOf, openBook } from './book.js'
import { keysOf } from './pass.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

/** So few that mostly no garbage is collected meanwhile: what was allocated can then be seen. */
const callsPerSample = 500

/** Time and memory of one call, where nothing but the processor is waited for. */
export async function measureCore(setup: Setup<Calls>, { name, settings }: Work): Promise<Measured> {
  const [concurrency, samples, keys] = [numberOf(settings, 'concurrency'), numberOf(settings, 'samples'), numberOf(settings, 'keys')]
  let counted = 0
  const handle = async (): Promise<void> => void (counted += 1)
  const given = { name, concurrency, settings, settled: () => undefined }
  const { call, close } = await setup({ ...given, handle })

  const microseconds: number[] = []
  await drive(call, made('warm', keys), concurrency)
  for (let sample = 0; sample < samples; sample += 1) {
    const some = made(`time-${sample}`, keys)
    // Of the processor: others may be at work on the same machine.
    const before = process.cpuUsage()
    await drive(call, some, concurrency)
    const { user, system } = process.cpuUsage(before)
    microseconds.push((user + system) / keys)
  }

  const collect = collector()
  const allocated: number[] = []
  for (let sample = 0; sample < samples; sample += 1) {
    const some = made(`bytes-${sample}`, callsPerSample)
    collect.now()
    const before = process.memoryUsage().heapUsed
    await drive(call, some, concurrency)
    const bytes = process.memoryUsage().heapUsed - before
    if (!(await collect.happened())) allocated.push(bytes / callsPerSample)
  }

  collect.now()
  const before = process.memoryUsage().heapUsed
  await drive(call, made('kept', keys), concurrency)
  collect.now()
  const keptBytes = (process.memoryUsage().heapUsed - before) / keys
  const sent = keys * (2 + samples) + callsPerSample * samples
  await close()
  return {
    measures: { us: median(microseconds), bytes: median(allocated), keptBytes },
    wrong: counted === sent ? await judged(setup, given) : `${counted} of ${sent} keys were handled`,
  }
}

/** Nothing but the calls: what the loop does is not to be taken for what they do. */
async function drive(call: Calls['call'], keys: readonly string[], concurrency: number): Promise<void> {
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < keys.length) await call(keys[next++] ?? '')
  }
  await Promise.all(Array.from({ length: concurrency }, caller))
}

/** Keys, in one piece each: texts that were put together are only joined when somebody looks into them. */
function made(name: string, many: number): readonly string[] {
  const keyAt = keysOf(name)
  return [...new Set(Array.from({ length: many }, (_, index) => keyAt(index)))]
}

/** The book keeps every key, which would be measured as well: it judges a run of its own. */
async function judged(setup: Setup<Calls>, given: Omit<Parameters<Setup>[0], 'handle'>): Promise<string | undefined> {
  const book = openBook(0)
  const { call, close } = await setup({ ...given, name: `${given.name}_judged`, handle: book.handle })
  const keys = made('judged', callsPerSample)
  await drive(call, keys, given.concurrency)
  await drive(call, keys, given.concurrency)
  await close()
  return given.settings['dedups'] === 'no' ? undefined : faultOf(book, keys.length)
}

interface Collector {
  now(): void
  /** Whether garbage was collected by itself since `now`. */
  happened(): Promise<boolean>
}

function collector(): Collector {
  const collect = globalThis.gc
  if (!collect) throw new Error('It has to be run with --expose-gc')
  let times = 0
  let asked = 0
  const observer = new PerformanceObserver((list) => void (times += list.getEntries().length))
  observer.observe({ entryTypes: ['gc'] })
  return {
    now() {
      collect()
      asked += 1
    },
    async happened() {
      // They are told a little later.
      await new Promise((resolve) => setTimeout(resolve, 5))
      times += observer.takeRecords().length
      const itself = times > asked
      asked = times
      return itself
    },
  }
}
