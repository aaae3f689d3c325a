import { numberOf } from '../contract.js'
import { faultOf, openBook } from './book.js'
import { keysOf, runPass } from './pass.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Pass } from './pass.js'
import type { Work } from './work.js'

/** As many calls at once are sure to use the code as often as it takes to have it compiled. */
const warmAtOnce = 64

/** How many new keys per second, and then how many of the same keys again. */
export async function measureCalls(setup: Setup<Calls>, { name, settings }: Work): Promise<Measured> {
  const book = openBook(numberOf(settings, 'handlerMs'))
  const concurrency = numberOf(settings, 'concurrency')
  // Several processes may share a store.
  const keysName = `${name}${settings['member'] ?? ''}`
  const calls = await setup({ name, concurrency, settings, handle: book.handle, settled: () => undefined })
  const options = { call: calls.call, concurrency, forMs: numberOf(settings, 'forMs'), timedEvery: 8 }

  const warmMs = numberOf(settings, 'warmMs')
  const warm = (atOnce: number, forMs: number): Promise<Pass> =>
    runPass({ ...options, keyAt: keysOf(`warm-${atOnce}-${keysName}`), most: Number.POSITIVE_INFINITY, concurrency: atOnce, forMs })
  // One at a time would take minutes to be compiled, and what is measured would be the compiler.
  if (concurrency < warmAtOnce) await warm(warmAtOnce, warmMs)
  await warm(concurrency, concurrency < warmAtOnce ? warmMs / 4 : warmMs)
  book.clear()
  const keyAt = keysOf(keysName)
  const fresh = await runPass({ ...options, keyAt, most: numberOf(settings, 'keys') })
  const wrong = faultOf(book, fresh.sent)
  const again = await runPass({ ...options, keyAt, most: settings['dedups'] === 'no' ? 0 : fresh.sent })
  const twice = book.runs - fresh.sent
  await calls.close()
  return {
    measures: {
      new: fresh.perSecond,
      newP50Ms: fresh.p50Ms,
      newP99Ms: fresh.p99Ms,
      newCpuUs: fresh.cpuUs,
      duplicate: again.perSecond,
      duplicateP50Ms: again.p50Ms,
      duplicateP99Ms: again.p99Ms,
      duplicateCpuUs: again.cpuUs,
      keys: fresh.sent,
    },
    wrong: rejected(fresh) ?? wrong ?? rejected(again) ?? (twice > 0 ? `${twice} duplicates were handled` : undefined),
  }
}

function rejected({ errors, firstError }: Pass): string | undefined {
  return errors > 0 ? `${errors} calls were rejected, the first with ${firstError}` : undefined
}
