import { openCoalescing } from '../../../src/index.js'
import { mayBeOfOne } from './faults.js'
import { openTableSize } from './table-size.js'
import type { Asking } from './asking.js'
import type { PostgresValue } from './clients.js'
import type { Step, StepStatements } from './step-statements.js'

/** A call of a step: the record in hexadecimal digits, and then what the step says. */
export type Call = readonly [hex: string, ...values: PostgresValue[]]

/** The plain steps, each answered with what its statement says to it. */
export type Steps = Readonly<Record<'claim' | 'renew' | 'complete' | 'release', (call: Call) => Promise<string>>>

/**
 * How many calls are one statement at most. Each takes an advisory lock, and the server has room for `max_locks_per_transaction` times
 * `max_connections` of locks, 6,400 by default, for everybody: with two statements under way for each step, a process takes 512. Measured, 128 and 256
 * calls are no faster.
 */
const mostCalls = 64

/** How often a statement for many that gave way to another one is tried again before it is sent in halves. */
const mostConflictsOfMany = 3

/** Calls of one turn become one statement, each step by itself: a renewal never waits behind claims. A call that is alone is a plain statement. */
export function openSteps({ ask }: Asking, statements: StepStatements): Steps {
  /** Calls that were part of a statement that failed. Each may be why, and is not to hold up the others by waiting alone. */
  const suspects = new WeakSet<Call>()
  const send = async ({ one, many }: Step, calls: readonly Call[]): Promise<readonly string[]> => {
    const [first] = calls
    const alone = calls.length === 1
    if (alone && first && !suspects.has(first)) return (await ask(one, first)).split(',')
    try {
      return (await ask(many, lists(calls), alone ? undefined : mostConflictsOfMany)).split(',')
    } catch (error) {
      for (const call of calls) suspects.add(call)
      throw error
    }
  }
  const open = (sendAll: (calls: readonly Call[]) => Promise<readonly string[]>): ((call: Call) => Promise<string>) => {
    const coalescing = openCoalescing<Call, string>({ send: sendAll, keyOf: ([hex]) => hex, mayBeOfOne, mostCalls })
    return (call) => coalescing.ask(call)
  }

  const table = openTableSize()
  /** By generation. */
  const knowing: Step[] = []
  const claim = async (calls: readonly Call[], generation: number | undefined): Promise<readonly string[]> => {
    const step = generation === undefined ? statements.claim : (knowing[generation] ??= statements.claimKnowing(generation))
    const [size, ...answers] = await send(step, calls)
    table.learn(generation, size)
    return answers
  }
  return {
    claim: open(async (calls) => {
      // What changed while it was read is claimed once more, by a statement that always knows. The nonce makes it safe to send all of it again.
      const answers = await claim(calls, table.generation())
      const changed = calls.filter((_, index) => answers[index] === 'changed')
      if (changed.length === 0) return answers
      const later = (await claim(changed, undefined)).values()
      return answers.map((answer) => (answer === 'changed' ? (later.next().value ?? '') : answer))
    }),
    renew: open((calls) => send(statements.renew, calls)),
    complete: open((calls) => send(statements.complete, calls)),
    release: open((calls) => send(statements.release, calls)),
  }
}

/** The calls' values, by their place in the call: each list one text, which every client can send. */
function lists(calls: readonly Call[]): readonly string[] {
  const places = calls[0]?.map((_, place) => place) ?? []
  return places.map((place) => `{${calls.map((call) => element(call[place] ?? '')).join(',')}}`)
}

function element(value: PostgresValue): string {
  return typeof value === 'number' ? String(value) : `"${value.replace(/["\\]/g, '\\$&')}"`
}
