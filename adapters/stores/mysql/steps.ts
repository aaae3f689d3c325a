import { textsOf } from './clients.js'
import { openMariadbSteps } from './mariadb-steps.js'
import { patiently, unlessDeadlock, unlessLocked } from './patience.js'
import { readRow } from './rows.js'
import { mysqlAnswer, mysqlRowStep, mysqlStep, mysqlStepIn, mysqlTurn, newId } from './statements.js'
import type { Send, Ways } from './clients.js'
import type { Step } from './forms.js'
import type { Row } from './rows.js'
import type { Flavour } from './server.js'
import type { Statement } from './statements.js'

/** Does steps. `undefined` says that the record is held by a transaction that is open. */
export interface Steps {
  run(step: Step): Promise<Row | undefined>
  runIn(through: Ways, step: Step): Promise<Row | undefined>
}

/** How often a lock is tried that most likely belongs to a transaction: the waits in between come to 7 ms. */
const fewTries = 4
/** How often a step is done again whose record was gone when it was read. */
const mostVanished = 3

export function openSteps(table: string, ways: Ways, flavour: () => Promise<Flavour>): Steps {
  const kinds: Readonly<Record<Flavour, Steps>> = {
    mariadb: openMariadbSteps(table, ways),
    mysql: openMysqlSteps(table, ways.send),
  }
  return {
    run: async (step) => kinds[await flavour()].run(step),
    runIn: async (through, step) => kinds[await flavour()].runIn(through, step),
  }
}

function openMysqlSteps(table: string, send: Send): Steps {
  const run = async (step: Step): Promise<Row | undefined> => {
    const id = newId()
    for (let vanished = 0; vanished <= mostVanished; vanished += 1) {
      const passed = await unlessLocked(() => ask(send, mysqlStep(table, step, id)))
      const done = passed ?? (await patiently(fewTries, () => ask(send, mysqlRowStep(table, step, id))))
      if (!done) return undefined
      const row = readRow(await ask(send, mysqlAnswer(table, step, id, false)))
      if (row) return row
      // There was no row to lock, and behind a shut gate none can be made.
      if (!passed) return undefined
    }
    throw new Error('The record was gone each time it was read. Are reads sent to a replica? They have to go to the primary, too')
  }
  return {
    run: (step) => unlessDeadlock(() => run(step)),
    async runIn({ send: through }, step) {
      const turn = await unlessLocked(() => ask(through, mysqlTurn(table, step)))
      if (!turn) return undefined
      if (turn.length !== 1) throw new Error(`The slots of ${table} are missing: call applySchema() of the store once`)
      const id = newId()
      await ask(through, mysqlStepIn(table, step, id))
      const row = readRow(await ask(through, mysqlAnswer(table, step, id, true)))
      if (!row) throw new Error('The record was gone from the transaction that had just written it')
      return row
    },
  }
}

async function ask(send: Send, { text, values }: Statement): Promise<readonly string[]> {
  return textsOf(await send(text, values))
}
