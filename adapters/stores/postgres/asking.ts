import { sleep, systemClock, systemRandom } from '../../../src/index.js'
import { answerOf, isBridge, isPool } from './clients.js'
import { isConflict, isLostName } from './faults.js'
import type { PostgresDatabase, PostgresRows, PostgresStatement, PostgresValue } from './clients.js'
import type { Statement } from './statement.js'

/** Sends statements that are transactions by themselves, and says what they answered. */
export interface Asking {
  /** `mostConflicts` is how often it is tried again after it gave way to another one. @default 30 */
  readonly ask: (statement: Statement, values: readonly PostgresValue[], mostConflicts?: number) => Promise<string>
  /** Sends a statement that is needed once in a while. */
  readonly askOnce: (text: string, values?: readonly PostgresValue[]) => Promise<string>
  /** Sends one that answers nothing. */
  readonly tell: (text: string) => Promise<void>
  /** Sends a statement through a transaction that is open, where nothing can be tried again. */
  readonly askIn: (send: Send, statement: Statement, values: readonly PostgresValue[]) => Promise<string>
}

export type Send = (statement: PostgresStatement) => Promise<PostgresRows>

/** After so many times that connections had lost their prepared statements, no more are prepared. */
const mostLosses = 3
/**
 * How often a statement is tried again that gave way to another one, and how much longer, in milliseconds, it may wait each time. Under READ
 * COMMITTED, hardly any has to; under another default, all but one of those that meet at a key.
 */
const mostConflicts = 30
const waitMs = 4

/** Each is a transaction of its own: when it gave way, nothing was done. */
async function again(step: () => Promise<string>, most = mostConflicts): Promise<string> {
  for (let conflicts = 0; ; conflicts += 1) {
    try {
      return await step()
    } catch (error) {
      if (!isConflict(error) || conflicts >= most) throw error
      await sleep(systemClock, systemRandom.fraction() * waitMs * conflicts)
    }
  }
}

export function openAsking(database: PostgresDatabase, prepare: boolean): Asking {
  const send: Send = (statement) =>
    !isBridge(database) && isPool(database) ? database.query(statement) : database.query(statement.text, statement.values ?? [])

  let losses = 0
  /** Connections that lost a statement still believe in its name: another one is used from then on, by all. */
  const write = ({ name, text }: Statement, values: readonly PostgresValue[], lost: number): PostgresStatement =>
    prepare && lost < mostLosses ? { name: `${name}_${lost}`, text, values: [...values] } : { text, values: [...values] }
  const countLoss = (error: unknown, lost: number): boolean => {
    if (!isLostName(error) || lost >= mostLosses) return false
    if (lost === losses) losses += 1
    return true
  }

  return {
    ask: (statement, values, most) =>
      again(async () => {
        for (;;) {
          const lost = losses
          try {
            return answerOf(await send(write(statement, values, lost)))
          } catch (error) {
            // Nothing was done.
            if (!countLoss(error, lost)) throw error
          }
        }
      }, most),
    askOnce: (text, values = []) => again(async () => answerOf(await send({ text, values: [...values] }))),
    tell: async (text) => void (await send({ text })),
    async askIn(sendIn, statement, values) {
      const lost = losses
      try {
        return answerOf(await sendIn(write(statement, values, lost)))
      } catch (error) {
        countLoss(error, lost)
        throw error
      }
    },
  }
}
