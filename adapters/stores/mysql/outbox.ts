import { laneCount, openOutbox, refuseUnless, systemRandom } from '../../../src/index.js'
import { isBridge, refuseUnlessDatabase, rowsOf, sendThrough, textsOf } from './clients.js'
import { addEntries } from './outbox-adding.js'
import { unlessConflict } from './outbox-conflicts.js'
import { rowsOfLanes, rowsSetAside, withBodies } from './outbox-rows.js'
import { applyOutboxSchema, checkOutboxSchema, writeOutboxSchema } from './outbox-schema.js'
import { sweptAtOnce, writeOutboxStatements } from './outbox-statements.js'
import { openServer } from './server.js'
import { bridgeTransactions, poolTransactions } from './transactions.js'
import type { Outbox, OutboxTable } from '../../../src/index.js'
import type { MysqlDatabase, MysqlTransaction, MysqlValue, Send } from './clients.js'

export interface MysqlOutboxOptions {
  /** The table of this outbox: letters, digits and underscores, at most 48. A second one, of lanes, is named `<table>_lanes`. @default 'hapax_outbox' */
  readonly table?: string | undefined
  /** The database that the tables are in; it has to exist. @default the one that the connections use */
  readonly schema?: string | undefined
}

/** An outbox in MySQL or MariaDB. */
export interface MysqlOutbox<Tx> extends Outbox<Tx> {
  /** The statements that make the tables, for those who run migrations. */
  readonly createTable: string
  /** Makes the tables unless they are there. Safe to repeat, and for several instances at once. */
  applySchema(): Promise<void>
}

/** How often lanes are looked for again when others were quicker. */
const mostSearches = 10
/**
 * Keeps messages in a table of MySQL 8.0 or MariaDB 10.6, or later, until they are published. It is made of a `Pool` of mysql2/promise, or of a bridge to what your
 * transactions belong to (Kysely, Drizzle, Prisma).
 *
 * Throws a `ConfigurationError` for options that cannot be.
 */
export function mysqlOutbox<Database extends MysqlDatabase>(
  database: Database,
  options: MysqlOutboxOptions = {},
): MysqlOutbox<MysqlTransaction<Database>> {
  refuseUnlessDatabase(database)
  refuseUnless.options(options, "{ table: 'hapax_outbox' }")
  const { table: name = 'hapax_outbox', schema } = options
  refuseUnless.identifier('table', name, 'hapax_outbox')
  if (schema !== undefined) refuseUnless.identifier('schema', schema, 'orders')

  const table = schema === undefined ? `\`${name}\`` : `\`${schema}\`.\`${name}\``
  const sendOnce: Send = isBridge(database)
    ? async (text, values = []) => rowsOf(await database.query(text, [...values]))
    : sendThrough(database)
  const send: Send = (text, values) => unlessConflict(() => sendOnce(text, values))
  const ask = async (text: string, values: readonly MysqlValue[] = []): Promise<readonly string[]> => textsOf(await send(text, values))
  const flavour = openServer(send, 'messages')
  const transactions = isBridge(database) ? bridgeTransactions(database) : poolTransactions(database, flavour, undefined)
  /** A pool sends bytes as hexadecimal digits; how a bridge does it, it alone knows. */
  const bytesSent = isBridge(database) ? 1 : 2
  const statements = writeOutboxStatements(table)

  const readSlice = async (position: number, offset: number): Promise<Uint8Array | undefined> => {
    const [slice] = await ask(statements.slice, [offset + 1, position])
    return slice === undefined ? undefined : Buffer.from(slice, 'base64')
  }
  const hadLanes = async (nonce: string, lanes: readonly number[]): Promise<readonly number[]> =>
    (await ask(statements.hadLanes, [list(lanes), Buffer.from(nonce)])).map(Number)

  const outboxTable: OutboxTable<unknown> = {
    async check() {
      await flavour()
      await checkOutboxSchema(send, { table, name, schema })
    },

    add: async (tx, entries) => addEntries(transactions.sendInAny(tx), statements, entries, bytesSent),

    async takeLanes({ nonce, most, leaseMs }) {
      const holder = Buffer.from(nonce)
      for (let searches = 1; ; searches += 1) {
        const found = (await ask(statements.findLanes(most), [holder])).map((text) => text.split(' ').map(Number))
        const mine = found.filter(([, had]) => had === 1)
        const lanes = (mine.length > 0 ? mine : found).map(([lane = 0]) => lane)
        if (lanes.length === 0) return []
        await send(statements.takeLanes, [inOrder(lanes), holder, Math.ceil(leaseMs), holder])
        const taken = await hadLanes(nonce, lanes)
        if (taken.length > 0 || searches >= mostSearches) return taken
      }
    },

    async keepLanes(nonce, lanes, leaseMs) {
      await send(statements.keepLanes, [inOrder(lanes), Math.ceil(leaseMs), Buffer.from(nonce)])
      return hadLanes(nonce, lanes)
    },

    giveLanes: async (nonce, lanes, restMs) =>
      void (await send(statements.giveLanes, [inOrder(lanes), Math.ceil(restMs), Buffer.from(nonce)])),

    async read(lanes, most) {
      if (lanes.length === 0) return []
      const values = lanes.flatMap((lane) => [lane + laneCount, lane + laneCount, lane])
      const texts = await ask(statements.read(lanes.length, most), values)
      return withBodies(rowsOfLanes(texts, most), readSlice)
    },

    async sent(positions, keepMs) {
      if (keepMs > 0) await send(statements.keepSent, [inOrder(positions), Math.ceil(keepMs)])
      else await send(statements.remove, [inOrder(positions)])
    },

    failed: async (position, { failures, restMs, reason }) =>
      void (await send(statements.fail, [list([position]), failures, Math.ceil(restMs), reasonOf(reason)])),

    async setAside(position, { failures, reason }) {
      // No client tells alike how many rows were changed: the row says who changed it.
      const mark = Math.floor(systemRandom.fraction() * Number.MAX_SAFE_INTEGER)
      await send(statements.setAside, [list([position]), failures, mark, reasonOf(reason)])
      const [count] = await ask(statements.isAside, [list([position]), mark])
      return count === '1'
    },

    listSetAside: async (most) => withBodies([rowsSetAside(await ask(statements.listSetAside(most)))], readSlice),

    async sendAgain(moves) {
      // Only what is there is locked afterwards: what is not would keep others from adding messages.
      const there = new Set((await ask(statements.findAside, [list(moves.map(({ position }) => position))])).map(Number))
      const found = moves.filter(({ position }) => there.has(position))
      if (found.length === 0) return 0
      return unlessConflict(() =>
        transactions.run(async (tx) => {
          const { send: sendIn } = transactions.sendIn(tx)
          const locked = textsOf(await sendIn(statements.lockAside, [inOrder(found.map(({ position }) => position))]))
          await sendIn(statements.sendAgain, [list(found.map(({ position, lane }) => [position, lane]))])
          return locked.length
        }),
      )
    },

    async depth() {
      const [text = ''] = await ask(statements.depth)
      const [waiting = 0, failing = 0, setAside = 0, oldestMs = 0] = text.split(' ').map(Number)
      return { waiting, failing, setAside, oldestMs }
    },

    async sweep() {
      const found = (await ask(statements.findSwept)).map(Number)
      if (found.length > 0) await send(statements.sweep, [inOrder(found)])
      return found.length >= sweptAtOnce
    },

    listen: async () => () => Promise.resolve(),
  }

  const outbox: MysqlOutbox<unknown> = {
    ...openOutbox(outboxTable),
    createTable: writeOutboxSchema(table),
    async applySchema() {
      await flavour()
      await applyOutboxSchema(send, table)
    },
  }
  return outbox
}

/** Lists cross over as JSON. */
function list(values: readonly (number | readonly number[])[]): Uint8Array {
  return Buffer.from(JSON.stringify(values))
}

/** Rows are locked in the order of the list: in the same one by all, so that they wait for one another and do not end in a deadlock. */
function inOrder(numbers: readonly number[]): Uint8Array {
  return list(numbers.toSorted((a, b) => a - b))
}

/** As much as the column holds, whatever the characters are. */
function reasonOf(reason: string): Uint8Array {
  return Buffer.from(reason.slice(0, 10_000))
}
