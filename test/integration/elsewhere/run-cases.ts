import { inspect } from 'node:util'
import type { SuiteCase } from 'hapax/testing'

/** What the other process says of each case, on one line. */
export interface Told {
  readonly group: string
  readonly name: string
  /** What it failed with. */
  readonly error?: string
}

/** Runs the cases, so many side by side, and says one line for each. */
export async function runCases(cases: Readonly<Record<string, readonly SuiteCase[]>>, sideBySide = 1): Promise<void> {
  const left = Object.entries(cases).flatMap(([group, each]) => each.map((one) => ({ group, ...one })))
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next; next = left.shift()) {
      const { group, name, run } = next
      const error = await run().then(
        () => undefined,
        (failure: unknown) => inspect(failure),
      )
      console.log(JSON.stringify({ group, name, error } satisfies { [Name in keyof Told]: unknown }))
    }
  }
  await Promise.all(Array.from({ length: sideBySide }, work))
}
