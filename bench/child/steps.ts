import { numberOf } from '../contract.js'
import { openCounter } from './counters.js'
import { faultOf, openBook } from './book.js'
import { keysOf, runPass } from './pass.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

/** How many commands, or commits, the server sees for one message. It is nobody else's server, or database, meanwhile. */
export async function measureSteps(setup: Setup<Calls>, { name, settings }: Work): Promise<Measured> {
  const book = openBook(0)
  const [concurrency, keys] = [numberOf(settings, 'concurrency'), numberOf(settings, 'keys')]
  const counter = await openCounter(settings)
  /** What is counted between opening and closing the clients: a server may tell only then. */
  const counted = async (keysName: string, most: number): Promise<number> => {
    const before = await counter.count()
    const calls = await setup({ name, concurrency, settings, handle: book.handle, settled: () => undefined })
    const options = { call: calls.call, keyAt: keysOf(keysName), concurrency, most, forMs: 60_000, timedEvery: most }
    const { errors, firstError } = await runPass(options)
    await calls.close()
    if (errors > 0) throw new Error(`${errors} calls were rejected, the first with ${firstError}`)
    return (await counter.count()) - before
  }
  // The first one makes the tables and loads the scripts. One key more or less tells what connecting comes to.
  await counted('first', 1)
  const connectingAndNew = await counted('second', 1)
  const connectingAndDuplicate = await counted('second', 1)
  book.clear()
  const fresh = await counted(name, keys + 1)
  const wrong = faultOf(book, keys + 1)
  const again = await counted(name, keys + 1)
  await counter.close()
  return {
    measures: { new: (fresh - connectingAndNew) / keys, duplicate: (again - connectingAndDuplicate) / keys },
    wrong: wrong ?? faultOf(book, keys + 1),
  }
}
