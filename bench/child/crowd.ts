import { fork } from 'node:child_process'
import { numberOf } from '../contract.js'
import type { Calls, Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

/** Several processes that do the same side by side, each with keys of its own: what they do together. */
export async function measureCrowd(setup: Setup<Calls>, work: Work): Promise<Measured> {
  const processes = numberOf(work.settings, 'processes')
  // Once, so that they do not make the same table at the same time.
  const handle = async (): Promise<void> => undefined
  const first = await setup({ name: work.name, concurrency: 1, settings: work.settings, handle, settled: () => undefined })
  await first.close()
  const members = await Promise.all(
    Array.from({ length: processes }, (_, index) => {
      // The store is the same to all of them, and so is its table.
      const settings = { ...work.settings, member: String(index) }
      return runMember({ ...work, measuring: 'calls', settings })
    }),
  )
  const sum = (name: string): number => members.reduce((total, { measures }) => total + (measures[name] ?? Number.NaN), 0)
  const most = (name: string): number => Math.max(...members.map(({ measures }) => measures[name] ?? Number.NaN))
  return {
    measures: {
      new: sum('new'),
      duplicate: sum('duplicate'),
      newP99Ms: most('newP99Ms'),
      newCpuUs: sum('newCpuUs') / processes,
    },
    wrong: members.find(({ wrong }) => wrong !== undefined)?.wrong,
  }
}

/** Ends with this process, as its channel does. */
function runMember(work: Work): Promise<Measured> {
  return new Promise((resolve, reject) => {
    const child = fork(process.argv[1] ?? '', [JSON.stringify(work)], { execArgv: process.execArgv })
    let measured: Measured | undefined
    child.on('message', (message) => (measured = message as Measured))
    child.once('error', reject)
    child.once('exit', (code) => (measured ? resolve(measured) : reject(new Error(`A worker ended with status ${code}`))))
  })
}
