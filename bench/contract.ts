/** What a benchmark is made of: contenders, which do the same work in their own way, and what they are given. */

/** Addresses, sizes and switches. Plain texts, as they travel to another process. */
export type Settings = Readonly<Record<string, string>>

/** What a contender is given to work with. */
export interface Given {
  /** No other run has it: what its tables, keys, topics and queues are called, or begin with. Letters, digits and underscores. */
  readonly name: string
  /** How many are called, or handled, at once. */
  readonly concurrency: number
  readonly settings: Settings
  /** The handler of the user: to be called once for each key. */
  readonly handle: (key: string) => Promise<void>
  /** To be called by a `Stream` for each message, handled or skipped, once the broker was told or the result is durable. */
  readonly settled: (count?: number) => void
}

/** A contender that is called with one key after the other. Resolved means: handled now, or known to be handled already. */
export interface Calls {
  readonly call: (key: string) => Promise<void>
  close(): Promise<unknown>
}

/** A contender that takes its messages from where the scenario has put them. */
export interface Stream {
  /** Begins to take them; resolves once it does. */
  start(): Promise<unknown>
  close(): Promise<unknown>
}

/** What a module in `contenders/` exports as `setup`. It is run in a process of its own. */
export type Setup<Kind extends Calls | Stream = Calls | Stream> = (given: Given) => Promise<Kind>

/** What came of one run of one contender. */
export interface Measured {
  readonly measures: Readonly<Record<string, number>>
  /** Why it is not rated: it lost keys, handled some twice, or rejected. */
  readonly wrong?: string | undefined
}

/** A setting that has to be there. */
export function setting(settings: Settings, name: string): string {
  const value = settings[name]
  if (value === undefined) throw new Error(`The scenario gives no ${name}`)
  return value
}

/** A setting that is a number. */
export function numberOf(settings: Settings, name: string): number {
  return Number(setting(settings, name))
}
