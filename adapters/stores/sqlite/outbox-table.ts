import { sleep, systemClock } from '../../../src/index.js'
import { checkTable, checkVersion, checkWritable } from './check.js'
import { atOnce } from './handle.js'
import { laneParts, outboxStatementsFor, partsOf } from './outbox-statements.js'
import { openTelling } from './outbox-telling.js'
import { sendInAny } from './transactions.js'
import { wholeMs } from './values.js'
import type { OutboxTable, SetAsideEntry, StoredEntry } from '../../../src/index.js'
import type { Connection, SqliteHandle, SqliteValue } from './handle.js'
import type { Steps } from './steps.js'

/** How many sent messages are removed while the process stands still, and how many times that is done in one batch of the sweep. */
const sweptAtOnce = 200
const mostParts = 5
/** How long others go on in between, in milliseconds. */
const betweenPartsMs = 5

/** The table of an outbox in SQLite, over the steps of its database. */
export function openOutboxTable(name: string, steps: Steps, lockWaitMs: number): OutboxTable<SqliteHandle> {
  const statements = outboxStatementsFor(name)
  const { createTable } = statements
  const telling = openTelling(steps)

  const writeLanes = (sql: string, ...values: readonly SqliteValue[]): Promise<readonly number[]> =>
    steps.write(({ all }) => all(sql, ...values).map(Number))
  /** Sends the statement once with each of the lists. Answers how many rows it has written. */
  const writeEach = (sql: string, lists: readonly (readonly SqliteValue[])[]): Promise<number> => {
    const each = (connection: Connection): number => lists.reduce((sum, values) => sum + connection.all(sql, ...values).length, 0)
    return steps.write((connection) => atOnce(connection, 'begin immediate', () => each(connection)))
  }

  return {
    async check() {
      steps.line()
      await steps.read((connection) => {
        checkVersion(connection)
        checkTable(connection, { table: name, look: statements.parts, parts: partsOf(name), createTable })
        checkTable(connection, { table: `${name}_lanes`, look: statements.laneParts, parts: laneParts, createTable })
      })
      await steps.write((connection) => checkWritable(connection, { probe: statements.fillLanes }))
    },
    async add(tx, entries) {
      // An outbox that was closed takes nothing more, and one that cannot open its database would never publish it.
      steps.line()
      const rows = entries.map(({ lane, key, head, body }) => [lane, key ?? null, head, Buffer.from(body).toString('hex')])
      await sendInAny(tx, lockWaitMs, statements.add, JSON.stringify(rows))
      telling.added()
    },
    async takeLanes({ nonce, most, leaseMs }) {
      // An outbox is mostly empty. To find that out no lock is needed, and nobody is waited for.
      const there = await steps.read(({ all }) => all(statements.lanesToTake, nonce, most))
      return there.length === 0 ? [] : writeLanes(statements.takeLanes, nonce, wholeMs(leaseMs), nonce, most)
    },
    keepLanes: (nonce, lanes, leaseMs) => writeLanes(statements.keepLanes, wholeMs(leaseMs), nonce, JSON.stringify(lanes)),
    async giveLanes(nonce, lanes, restMs) {
      await writeLanes(statements.giveLanes, Math.ceil(restMs), nonce, JSON.stringify(lanes))
    },
    read: (lanes, most) =>
      steps.read((connection) =>
        atOnce(connection, 'begin', () => {
          const [due, fresh] = [statements.readDue, statements.readFresh].map((sql) => connection.handle.prepare(sql))
          const readLane = (lane: number): readonly StoredEntry[] =>
            [due, fresh].flatMap((statement) => statement?.all(lane, most).map(entryOf) ?? []).slice(0, most)
          return lanes.flatMap((lane) => readLane(lane).toSorted((one, other) => one.position - other.position))
        }),
      ),
    async sent(positions, keepMs) {
      if (keepMs > 0)
        await writeEach(
          statements.keepSent,
          positions.map((position) => [Math.ceil(keepMs), position]),
        )
      else
        await writeEach(
          statements.remove,
          positions.map((position) => [position]),
        )
    },
    async failed(position, { failures, restMs, reason }) {
      await writeEach(statements.fail, [[failures, Math.ceil(restMs), reason, position]])
    },
    async setAside(position, { failures, reason }) {
      return (await writeEach(statements.setAside, [[failures, reason, position]])) > 0
    },
    listSetAside: (most) =>
      steps.read(({ handle }) =>
        handle
          .prepare(statements.listSetAside)
          .all(most)
          .map(entryOf)
          .map(({ lane: _, ...entry }) => entry),
      ),
    sendAgain: (moves) =>
      writeEach(
        statements.sendAgain,
        moves.map(({ position, lane }) => [lane, position]),
      ),
    depth: () =>
      steps.read(({ all }) => {
        const [waiting = 0, failing = 0, setAside = 0, oldestMs = 0] = JSON.parse(String(all(statements.depth)[0])) as readonly number[]
        return { waiting, failing, setAside, oldestMs }
      }),
    async sweep() {
      for (let parts = 0; parts < mostParts; parts += 1) {
        await sleep(systemClock, betweenPartsMs)
        // Where nothing is to be removed, nothing is written.
        const over = await steps.read(({ all }) => all(statements.over, sweptAtOnce).map(Number))
        if (over.length === 0) return false
        await writeEach(
          statements.remove,
          over.map((position) => [position]),
        )
        if (over.length < sweptAtOnce) return false
      }
      return true
    },
    listen: async (told) => {
      const end = telling.listen(told)
      return async () => end()
    },
  }
}

type Row = readonly [
  position: number | bigint,
  lane: number | bigint,
  failures: number | bigint,
  key: string | null,
  head: string,
  body: Uint8Array,
  reason: string | null,
]

/** Clients may be set to give integers as BigInt, and rows as lists. */
function entryOf(row: unknown): StoredEntry & SetAsideEntry {
  const [position, lane, failures, key, head, body, reason] = Object.values(row as object) as unknown as Row
  return {
    position: Number(position),
    lane: Number(lane),
    failures: Number(failures),
    key: key ?? undefined,
    head,
    body,
    reason: reason ?? '',
  }
}
