import { expect, test } from 'vitest'
import { judgeOutbox } from '../../faults/checker/judge-outbox.js'
import type { OutboxEvidence } from '../../faults/checker/judge-outbox.js'

const sent = ['a', 'b', 'c'].map((id, place) => ({ id, entity: 'one', place, atMs: place }))
const arrivedAs = (...ids: string[]): Map<string, number> => new Map(ids.map((id, index) => [id, index]))

function judged(change: Partial<OutboxEvidence>) {
  const evidence = { sent, arrived: arrivedAs('a', 'b', 'c'), arrivals: 3, left: 0, setAside: 0, troubles: {}, crashes: [], hung: [] }
  const { isOk, lines } = judgeOutbox({ ...evidence, ...change })
  return { isOk, wrong: lines.filter(({ isWrong }) => isWrong).map(({ what, count }) => `${what}: ${count}`) }
}

test('all arrived in order, some of them again', () => {
  expect(judged({ arrivals: 5 })).toEqual({ isOk: true, wrong: [] })
})

test('another key may overtake', () => {
  const other = { id: 'd', entity: 'two', place: 0, atMs: 9 }
  expect(judged({ sent: [...sent, other], arrived: arrivedAs('d', 'a', 'b', 'c') }).isOk).toBe(true)
})

test.each<[string, Partial<OutboxEvidence>, string[]]>([
  ['one is lost', { arrived: arrivedAs('a', 'c') }, ['lost: 1']],
  ['one overtook', { arrived: arrivedAs('b', 'a', 'c') }, ['out of the order of their key: 1']],
  ['one was never committed', { arrived: arrivedAs('a', 'b', 'c', 'x') }, ['arrived, though never committed: 1']],
  ['some are left', { left: 2, setAside: 1 }, ['set aside: 1', 'left in the outbox: 2']],
])('%s', (_, change, wrong) => {
  expect(judged(change)).toEqual({ isOk: false, wrong })
})
