/**
 * One case of a suite. A suite is plain data and belongs to no test runner:
 *
 *     for (const each of storeSuite({ ... })) test(each.name, each.run)
 */
export interface SuiteCase {
  readonly name: string
  /** Resolves when the case holds, rejects with an `AssertionError` that says what did not. */
  run(): Promise<void>
}

/** Says why a backend cannot do what some cases need; their names then carry the reason. */
export interface Cannot {
  readonly cannot: string
}

/** The case that stands for `names` where they cannot be run, so that a report shows what was left out, and why. */
export function leftOut(names: string, { cannot }: Cannot): SuiteCase {
  return { name: `${names} (left out: ${cannot})`, run: () => Promise.resolve() }
}
