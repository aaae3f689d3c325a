import { numberOf } from '../contract.js'
import { faultOf, openBook } from './book.js'
import { keysOf, runPass } from './pass.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

/** How long one call takes; every one of them is timed. */
export async function measureLatency(setup: Setup<Calls>, { name, settings }: Work): Promise<Measured> {
  const book = openBook(numberOf(settings, 'handlerMs'))
  const concurrency = numberOf(settings, 'concurrency')
  const calls = await setup({ name, concurrency, settings, handle: book.handle, settled: () => undefined })
  const options = { call: calls.call, concurrency, most: Number.POSITIVE_INFINITY, timedEvery: 1 }

  await runPass({ ...options, keyAt: keysOf(`warm-${name}`), forMs: numberOf(settings, 'warmMs') })
  book.clear()
  const { sent, p50Ms, p99Ms, errors, firstError } = await runPass({
    ...options,
    keyAt: keysOf(name),
    forMs: numberOf(settings, 'forMs'),
  })
  await calls.close()
  return {
    measures: { p50Ms, p99Ms, calls: sent },
    wrong: errors > 0 ? `${errors} calls were rejected, the first with ${firstError}` : faultOf(book, sent),
  }
}
