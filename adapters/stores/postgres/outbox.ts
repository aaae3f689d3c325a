import { TransactionConflictError, openOutbox, refuse, refuseUnless } from '../../../src/index.js'
import { openAsking } from './asking.js'
import { isBridge, isPool, refuseUnlessDatabase } from './clients.js'
import { isLostName } from './faults.js'
import { listenOn } from './listening.js'
import { fillLanes, lanesOf, sweptAtOnce, writeOutboxStatements, writeOutboxTables } from './outbox-statements.js'
import { checkTable, makeTables } from './schema.js'
import { named } from './statement.js'
import { bridgeTransactions, poolTransactions } from './transactions.js'
import type { Outbox, OutboxTable, SetAsideEntry, StoredEntry } from '../../../src/index.js'
import type { PostgresBridge, PostgresPool, PostgresTransaction } from './clients.js'

export interface PostgresOutboxOptions {
  /** The table of this outbox: letters, digits and underscores, at most 48. A second one, of lanes, is named `<table>_lanes`. @default 'hapax_outbox' */
  readonly table?: string | undefined
  /** The schema of the tables; it has to exist. @default the first of the connection's `search_path` that has them */
  readonly schema?: string | undefined
  /**
   * Whether a commit wakes relays, by NOTIFY. Each relay made of a pool then keeps one of its connections to listen. Turn it off behind a PgBouncer in transaction mode, where
   * nobody can listen, and where many transactions commit at once, as PostgreSQL has those that notify commit one after the other; relays then find out at their next poll. @default true
   */
  readonly notify?: boolean | undefined
  /** Whether the statement of `send` is prepared, once for each connection. Turn it off behind a PgBouncer older than 1.21 in transaction mode. @default true */
  readonly prepare?: boolean | undefined
}

/** An outbox in PostgreSQL. */
export interface PostgresOutbox<Tx> extends Outbox<Tx> {
  /** The statements that make the tables, for those who run migrations. */
  readonly createTable: string
  /** Makes the tables unless they are there. Safe to repeat, and for several instances at once. */
  applySchema(): Promise<void>
}

/**
 * Keeps messages in a table of PostgreSQL 12 or later until they are published. It is made of a `pg.Pool`, or of a bridge to what your transactions belong to
 * (Kysely, Drizzle, Prisma).
 *
 * Throws a `ConfigurationError` for options that cannot be.
 */
export function postgresOutbox<Database extends PostgresPool | PostgresBridge<unknown>>(
  database: Database,
  options: PostgresOutboxOptions = {},
): PostgresOutbox<PostgresTransaction<Database>> {
  refuseUnlessDatabase(database)
  refuseUnless.options(options, "{ table: 'hapax_outbox' }")
  const { table: name = 'hapax_outbox', schema, notify = true, prepare = true } = options
  refuseUnless.identifier('table', name, 'hapax_outbox')
  if (schema !== undefined) refuseUnless.identifier('schema', schema, 'public')
  refuseUnless.boolean('notify', notify, true)
  refuseUnless.boolean('prepare', prepare, true)
  const pool = !isBridge(database) && isPool(database) ? database : undefined
  const transactions = pool ? poolTransactions(pool, undefined) : isBridge(database) ? bridgeTransactions(database, undefined) : undefined
  if (!transactions) throw refuse('database', database, 'a pool of node-postgres, or a bridge with transactions', 'new Pool()')

  const table = schema === undefined ? `"${name}"` : `"${schema}"."${name}"`
  const statements = writeOutboxStatements(table, notify ? name : undefined)
  const add = named('add', statements.add)
  const asking = openAsking(database, prepare)
  const { askOnce } = asking
  const tables = writeOutboxTables(table)

  const outboxTable: OutboxTable<unknown> = {
    async check() {
      await checkTable(asking, table, messageTypes, 'position', tables)
      await checkTable(asking, lanesOf(table), laneTypes, 'lane', tables)
      await asking.tell(fillLanes(table))
    },
    async add(tx, entries) {
      const rows = entries.map(({ lane, key, head, body }) => [lane, key ?? null, head, Buffer.from(body).toString('base64')])
      try {
        await asking.askIn((statement) => transactions.sendInAny(tx, statement), add, [JSON.stringify(rows)])
      } catch (error) {
        // The transaction has failed with the statement. Run again, it is sent under another name.
        if (isLostName(error)) throw new TransactionConflictError('The connection has lost its prepared statements', { cause: error })
        throw error
      }
    },
    takeLanes: async ({ nonce, most, leaseMs }) => numbersOf(await askOnce(statements.takeLanes, [nonce, most, leaseMs])),
    keepLanes: async (nonce, lanes, leaseMs) => numbersOf(await askOnce(statements.keepLanes, [nonce, lanes.join(' '), leaseMs])),
    giveLanes: async (nonce, lanes, restMs) => void (await askOnce(statements.giveLanes, [nonce, lanes.join(' '), Math.ceil(restMs)])),
    read: async (lanes, most) => entriesOf(await askOnce(statements.read, [lanes.join(' '), most])),
    async sent(positions, keepMs) {
      if (keepMs > 0) await askOnce(statements.keepSent, [positions.join(' '), Math.ceil(keepMs)])
      else await askOnce(statements.remove, [positions.join(' ')])
    },
    failed: async (position, { failures, restMs, reason }) =>
      void (await askOnce(statements.fail, [position, failures, Math.ceil(restMs), reason])),
    setAside: async (position, { failures, reason }) => (await askOnce(statements.setAside, [position, failures, reason])) === '1',
    listSetAside: async (most) => entriesOf(await askOnce(statements.listSetAside, [most])),
    async sendAgain(moves) {
      return Number(await askOnce(statements.sendAgain, [JSON.stringify(moves.map(({ position, lane }) => [position, lane]))]))
    },
    async depth() {
      const [waiting = 0, failing = 0, setAside = 0, oldestMs = 0] = numbersOf(await askOnce(statements.depth))
      return { waiting, failing, setAside, oldestMs }
    },
    sweep: async () => Number(await askOnce(statements.sweep)) >= sweptAtOnce,
    // The only connection of a pool is needed to look.
    listen: async (told) => (pool && notify && pool.options?.max !== 1 ? listenOn(pool, name, told) : () => Promise.resolve()),
  }

  const outbox: PostgresOutbox<unknown> = {
    ...openOutbox(outboxTable),
    createTable: `${tables.join(';\n\n')};`,
    applySchema: () => makeTables(asking, [table, lanesOf(table)], tables),
  }
  return outbox
}

const messageTypes = {
  position: 'bigint',
  due_ms: 'bigint',
  added_ms: 'bigint',
  failures: 'integer',
  lane: 'smallint',
  key: 'text',
  head: 'text',
  reason: 'text',
  body: 'bytea',
}

const laneTypes = { lane: 'smallint', until_ms: 'bigint', holder: 'text' }

function numbersOf(answer: string): readonly number[] {
  return answer === '' ? [] : answer.split(' ').map(Number)
}

function entriesOf(answer: string): readonly (StoredEntry & SetAsideEntry)[] {
  const rows = JSON.parse(answer) as readonly [number, number, string | null, number, string, string, string | null][]
  return rows.map(([position, lane, key, failures, head, body, reason]) => ({
    position,
    lane,
    key: key ?? undefined,
    failures,
    head,
    body: Buffer.from(body, 'base64'),
    reason: reason ?? '',
  }))
}
