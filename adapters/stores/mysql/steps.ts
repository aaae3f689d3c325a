import { sleep, systemClock, systemRandom } from '../../../src/index.js'
import { textsOf } from './clients.js'
import { isDeadlock, isLocked } from './faults.js'
import { mariadbStep, mysqlAnswer, mysqlRowStep, mysqlStep, mysqlStepIn, mysqlTurn } from './statements.js'
import type { Send } from './clients.js'
import type { Flavour } from './server.js'
import type { Statement, Step } from './statements.js'

/** The record after a step. */
export interface Row {
  readonly state: number
  readonly token: number
  readonly attempts: number
  readonly lapses: number
  readonly leftMs: number
  /** Whether it has the nonce of the step. */
  readonly sameNonce: boolean
  /** Whether the step was the last one to write it. */
  readonly written: boolean
  /** Whether it is not over. */
  readonly live: boolean
}

/** Does steps. `undefined` says that the record is held by a transaction that is open. */
export interface Steps {
  run(step: Step): Promise<Row | undefined>
  runIn(send: Send, step: Step): Promise<Row | undefined>
}

/** How often a lock is tried that may belong to no more than a statement under way: the waits in between come to about 70 ms. */
const mostTries = 8
/** The same where most likely it belongs to a transaction: 7 ms. */
const fewTries = 4
/** How often a statement is run again that gave way to another one. */
const mostDeadlocks = 3
/** How often a step is done again whose record was gone when it was read. */
const mostVanished = 3

export function openSteps(table: string, send: Send, flavour: () => Promise<Flavour>): Steps {
  const runOnMariadb = async (through: Send, step: Step): Promise<Row | undefined> => {
    const rows = await patiently(mostTries, () => ask(through, mariadbStep(table, step)))
    return rows && rowOf(rows)
  }

  const runOnMysql = async (step: Step): Promise<Row | undefined> => {
    for (let vanished = 0; vanished <= mostVanished; vanished += 1) {
      const passed = await unlessLocked(() => ask(send, mysqlStep(table, step)))
      const done = passed ?? (await patiently(fewTries, () => ask(send, mysqlRowStep(table, step))))
      if (!done) return undefined
      const row = rowOf(await ask(send, mysqlAnswer(table, step, false)))
      if (row) return row
      // There was no row to lock, and behind a shut gate none can be made.
      if (!passed) return undefined
    }
    throw new Error('The record was gone each time it was read. Are reads sent to a replica? They have to go to the primary, too')
  }

  const runInMysql = async (through: Send, step: Step): Promise<Row | undefined> => {
    const turn = await unlessLocked(() => ask(through, mysqlTurn(table, step)))
    if (!turn) return undefined
    if (turn.length !== 1) throw new Error(`The slots of ${table} are missing: call applySchema() of the store once`)
    await ask(through, mysqlStepIn(table, step))
    const row = rowOf(await ask(through, mysqlAnswer(table, step, true)))
    if (!row) throw new Error('The record was gone from the transaction that had just written it')
    return row
  }

  return {
    async run(step) {
      const kind = await flavour()
      for (let deadlocks = 0; ; deadlocks += 1) {
        try {
          return await (kind === 'mariadb' ? runOnMariadb(send, step) : runOnMysql(step))
        } catch (error) {
          // It was a transaction by itself: nothing was done.
          if (!isDeadlock(error) || deadlocks >= mostDeadlocks) throw error
        }
      }
    },
    async runIn(through, step) {
      return (await flavour()) === 'mariadb' ? runOnMariadb(through, step) : runInMysql(through, step)
    },
  }
}

async function ask(send: Send, { text, values }: Statement): Promise<readonly string[]> {
  return textsOf(await send(text, values))
}

async function unlessLocked<Value>(attempt: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await attempt()
  } catch (error) {
    if (isLocked(error)) return undefined
    throw error
  }
}

/** A lock that is not an open transaction's is gone within a few milliseconds. */
async function patiently<Value>(most: number, attempt: () => Promise<Value>): Promise<Value | undefined> {
  for (let tries = 1; ; tries += 1) {
    const value = await unlessLocked(attempt)
    if (value !== undefined || tries >= most) return value
    await sleep(systemClock, Math.min(20, 2 ** (tries - 1)) * (0.5 + systemRandom.fraction()))
  }
}

/** What `concat_ws` of the row's columns said; undefined where there was no row. */
function rowOf(texts: readonly string[]): Row | undefined {
  const [text] = texts
  if (texts.length === 1 && text === '') return undefined
  const numbers = text?.split(' ').map(Number) ?? []
  const [state, token, attempts, lapses, leftMs, sameNonce, written, live] = numbers
  if (
    texts.length !== 1 ||
    numbers.length !== 8 ||
    !numbers.every(Number.isSafeInteger) ||
    state === undefined ||
    token === undefined ||
    attempts === undefined ||
    lapses === undefined ||
    leftMs === undefined
  )
    throw new Error(`The database gave an answer that a statement of Hapax never gives: ${JSON.stringify(texts)}`)
  return { state, token, attempts, lapses, leftMs, sameNonce: sameNonce === 1, written: written === 1, live: live === 1 }
}
