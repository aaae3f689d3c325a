import assert from 'node:assert/strict'
import { inARow } from './stage.js'
import type { OutboxCases, OutboxStage } from './stage.js'

const longMs = 600_000

/** The same numbers, in whatever order. */
function assertSame(found: readonly number[], wanted: readonly number[]): void {
  const inOrder = (numbers: readonly number[]): readonly number[] => numbers.toSorted((a, b) => a - b)
  assert.deepEqual(inOrder(found), inOrder(wanted))
}

/** Lanes in which something waits. */
async function fill<Tx>({ send, table }: OutboxStage<Tx>, keys = 30): Promise<readonly number[]> {
  await send(...Array.from({ length: keys }, (_, index) => ({ body: 'x', orderingKey: `key-${index}` })))
  const lanes = await table.takeLanes({ nonce: 'looking', most: 64, leaseMs: longMs })
  await table.giveLanes('looking', lanes, 0)
  assert.ok(lanes.length >= 10, `${keys} keys lie in ${lanes.length} lanes`)
  return lanes
}

/** The steps of the table that relays take turns by. */
export function takingLanes<Tx>(): OutboxCases<Tx> {
  return {
    async 'lanes in which nothing waits are not taken'({ table }) {
      assert.deepEqual(await table.takeLanes({ nonce: '1', most: 8, leaseMs: longMs }), [])
    },

    async 'a lane is taken by one only, until it is given back'(stage) {
      const { table } = stage
      const lanes = await fill(stage)
      const { table: other } = (await stage.openHandle()).outbox
      const first = await table.takeLanes({ nonce: '1', most: 4, leaseMs: longMs })
      assert.equal(first.length, 4)
      const rest = await other.takeLanes({ nonce: '2', most: 64, leaseMs: longMs })
      assertSame([...first, ...rest], lanes)
      assert.deepEqual(await other.takeLanes({ nonce: '3', most: 64, leaseMs: longMs }), [])
      await table.giveLanes('2', first, 0)
      assert.deepEqual(await other.takeLanes({ nonce: '3', most: 64, leaseMs: longMs }), [], 'somebody else cannot give them back')
      await table.giveLanes('1', first, 0)
      assertSame(await other.takeLanes({ nonce: '3', most: 64, leaseMs: longMs }), first)
    },

    async 'taken again with the same nonce, the same lanes are answered'(stage) {
      const { table } = stage
      await fill(stage)
      const first = await table.takeLanes({ nonce: '1', most: 3, leaseMs: longMs })
      assertSame(await table.takeLanes({ nonce: '1', most: 3, leaseMs: longMs }), first)
    },

    async 'several who take lanes at once take different ones'(stage) {
      await fill(stage)
      const others = await Promise.all(Array.from({ length: 4 }, () => stage.openHandle()))
      const taken = await Promise.all(
        others.map(({ outbox }, index) => outbox.table.takeLanes({ nonce: `n${index}`, most: 3, leaseMs: longMs })),
      )
      const all = taken.flat()
      assert.equal(new Set(all).size, all.length, `taken: ${JSON.stringify(taken)}`)
    },

    async 'a lane is free again when its lease is over, and can be kept until then'(stage) {
      const { table, passTime, until } = stage
      const lanes = await fill(stage)
      const taken = await table.takeLanes({ nonce: '1', most: 64, leaseMs: 50 })
      assertSame(await table.keepLanes('1', taken, longMs), lanes)
      await passTime(80)
      assert.deepEqual(await table.takeLanes({ nonce: '2', most: 64, leaseMs: longMs }), [])
      await table.keepLanes('1', taken, 20)
      const others = new Set<number>()
      await until('others have taken them', async () => {
        for (const lane of await table.takeLanes({ nonce: `2-${others.size}`, most: 64, leaseMs: longMs })) others.add(lane)
        return others.size === lanes.length
      })
      assert.deepEqual(await table.keepLanes('1', taken, longMs), [])
    },

    async 'a lane that rests is not taken'(stage) {
      const { table, passTime } = stage
      const lanes = await fill(stage)
      const taken = await table.takeLanes({ nonce: '1', most: 64, leaseMs: longMs })
      await table.giveLanes('1', taken.slice(0, 1), longMs)
      await table.giveLanes('1', taken.slice(1), 20)
      await passTime(60)
      const again = await table.takeLanes({ nonce: '2', most: 64, leaseMs: longMs })
      assertSame(again, taken.slice(1))
      assert.equal(again.length, lanes.length - 1)
    },

    async 'lanes that were served last are taken last'(stage) {
      const { table, passTime } = stage
      const lanes = await fill(stage)
      await passTime(5)
      const first = await table.takeLanes({ nonce: '1', most: 3, leaseMs: longMs })
      await table.giveLanes('1', first, 0)
      const next = await table.takeLanes({ nonce: '2', most: lanes.length - 3, leaseMs: longMs })
      assert.deepEqual(
        next.filter((lane) => first.includes(lane)),
        [],
      )
    },

    async 'what waits is read oldest first, and a bounded part of each lane'(stage) {
      const { table, send } = stage
      await send(...inARow('a', 10), ...inARow('b', 10))
      const lanes = await table.takeLanes({ nonce: '1', most: 8, leaseMs: longMs })
      const read = await table.read(lanes, 4)
      assert.equal(read.length, lanes.length * 4)
      for (const lane of lanes) {
        const positions = read.filter((entry) => entry.lane === lane).map(({ position }) => position)
        assert.deepEqual(
          positions,
          positions.toSorted((a, b) => a - b),
        )
      }
    },

    async 'a failed message rests, and with it its ordering key alone'(stage) {
      const { table, send, until } = stage
      await send({ body: 'a1', orderingKey: 'a' }, { body: 'a2', orderingKey: 'a' }, { body: 'b1', orderingKey: 'b' }, { body: 'none' })
      const lanes = await table.takeLanes({ nonce: '1', most: 64, leaseMs: longMs })
      const bodies = async (): Promise<readonly string[]> =>
        (await table.read(lanes, 10)).map(({ body }) => new TextDecoder().decode(body)).toSorted()
      assert.deepEqual(await bodies(), ['a1', 'a2', 'b1', 'none'])
      const [first] = (await table.read(lanes, 10)).filter(({ body }) => new TextDecoder().decode(body) === 'a1')
      assert.ok(first)
      await table.failed(first.position, { failures: 1, restMs: longMs, reason: 'too large' })
      assert.deepEqual(await bodies(), ['b1', 'none'])
      assert.deepEqual({ ...(await table.depth()), oldestMs: 0 }, { waiting: 4, failing: 1, setAside: 0, oldestMs: 0 })
      await table.failed(first.position, { failures: 2, restMs: 20, reason: 'too large' })
      await until('its rest is over', async () => (await bodies()).includes('a1'))
      assert.deepEqual(await bodies(), ['a1', 'b1', 'none'], 'what comes after it still waits')
      const again = (await table.read(lanes, 10)).find(({ position }) => position === first.position)
      assert.equal(again?.failures, 2)
      await table.sent([first.position], 0)
      assert.deepEqual(await bodies(), ['a2', 'b1', 'none'])
    },

    async 'what is gone, sent or set aside does not come back by being late'(stage) {
      const { table, send } = stage
      await send({ body: '1' }, { body: '2' }, { body: '3' })
      const lanes = await table.takeLanes({ nonce: '1', most: 64, leaseMs: longMs })
      const [gone, kept, aside] = (await table.read(lanes, 10)).map(({ position }) => position)
      assert.ok(gone !== undefined && kept !== undefined && aside !== undefined)
      await table.sent([gone], 0)
      await table.sent([kept], longMs)
      assert.equal(await table.setAside(aside, { failures: 3, reason: 'no' }), true)
      for (const position of [gone, kept, aside]) {
        await table.failed(position, { failures: 1, restMs: 1, reason: 'late' })
        assert.equal(await table.setAside(position, { failures: 1, reason: 'late' }), false)
      }
      await table.sent([gone, kept], 0)
      assert.deepEqual(await table.read(lanes, 10), [])
      assert.deepEqual({ ...(await table.depth()), oldestMs: 0 }, { waiting: 0, failing: 0, setAside: 1, oldestMs: 0 })
      assert.deepEqual(
        (await table.listSetAside(10)).map(({ position, failures, reason }) => ({ position, failures, reason })),
        [{ position: aside, failures: 3, reason: 'no' }],
      )
    },

    async 'what is sent again goes before what follows it, also where that has failed meanwhile'(stage) {
      const { table, outbox, send, until } = stage
      await send(...inARow('a', 3))
      const lanes = await table.takeLanes({ nonce: '1', most: 64, leaseMs: longMs })
      const [first, second] = (await table.read(lanes, 10)).map(({ position }) => position)
      assert.ok(first !== undefined && second !== undefined)
      await table.setAside(first, { failures: 1, reason: 'no' })
      await table.failed(second, { failures: 1, restMs: longMs, reason: 'no' })
      await outbox.sendAgain(await outbox.listSetAside())
      const positions = async (): Promise<readonly number[]> => (await table.read(lanes, 10)).map(({ position }) => position)
      assert.deepEqual(await positions(), [first])
      await table.failed(second, { failures: 2, restMs: 20, reason: 'no' })
      await until('the rest of the second is over', async () => (await positions()).length === 2)
      assert.deepEqual(await positions(), [first, second])
    },

    async 'sent messages can be kept for a while, and are then swept in bounded batches'(stage) {
      const { table, send, passTime, until } = stage
      await send(...Array.from({ length: 20 }, (_, index) => ({ body: `${index}` })))
      const lanes = await table.takeLanes({ nonce: '1', most: 64, leaseMs: longMs })
      const positions = (await table.read(lanes, 20)).map(({ position }) => position)
      assert.equal(positions.length, 20)
      await table.sent(positions.slice(0, 10), 20)
      await table.sent(positions.slice(10), longMs)
      await passTime(50)
      await until('the sweep has nothing more to do', async () => !(await table.sweep()))
      assert.deepEqual(await table.read(lanes, 20), [])
      assert.equal((await table.depth()).waiting, 0)
    },
  }
}
