/** Runs the cases in a process of its own, and says one line for each: that Node has `node:sqlite`, and the one that tests may not. */
import { inspect } from 'node:util'
import { doTask } from './children.js'
import { allCases } from './cases.js'
import { loadClient } from './client.js'
import type { Task } from './children.js'

export interface Told {
  readonly group: string
  readonly name: string
  /** What it failed with. */
  readonly error?: string
}

const [specifier = 'node:sqlite', task] = process.argv.slice(2)
const client = loadClient(specifier)

if (task === undefined) {
  for (const [group, cases] of Object.entries(allCases(client, specifier))) {
    for (const { name, run } of cases) {
      const error = await run().then(
        () => undefined,
        (failure: unknown) => inspect(failure),
      )
      console.log(JSON.stringify({ group, name, error } satisfies { [Name in keyof Told]: unknown }))
    }
  }
} else await doTask(client, JSON.parse(task) as Task)
