import assert from 'node:assert/strict'
import { copyHeaders } from '../../src/index.js'
import { hostileTexts } from '../hostile-texts.js'
import { seededRandom } from '../seeded-random.js'
import { assertHeaders } from './stage.js'
import { ackAll, inTurn, marksOf } from './scripted-handler.js'
import type { Random } from '../../src/index.js'
import type { Cases, TransportBench } from './stage.js'

const count = 60
/** Neither controls nor halves of pairs: what a broker's headers may do without. */
const plain = /^[^\p{Cc}\p{Cf}\p{Cs}]*$/u

/** Messages as strangers make them, by the dozen, the same in each run. */
export const hostile: Cases<TransportBench> = {
  async 'bodies and headers by chance come as they were sent, postponed or not'({ bench, handler, consume, until, shortMs }) {
    const random = seededRandom(2)
    const texts = hostileTexts(random, count * 4).filter((text) => plain.test(text))
    const one = (): string => pick(random, texts)
    const sent = Array.from({ length: count }, (_, index) => ({
      body: anyBytes(random),
      orderingKey: one(),
      headers: { index: String(index), [`some-${index}`]: one(), other: one(), constructor: one() },
    }))
    const receiver = handler((delivery) =>
      delivery.attempts === 0 ? delivery.postpone(shortMs, marksOf({ key: one(), attempts: 1 })) : delivery.ack(),
    )
    const consumption = await consume(receiver)
    await bench.publish(sent)
    const came = (attempts: number): number =>
      new Set(receiver.seen.filter((seen) => seen.attempts === attempts).map(({ incoming }) => incoming.headers.index)).size
    await until('all have come back', () => came(0) === count && came(1) === count)
    for (const { incoming } of receiver.seen) {
      const { body, headers, orderingKey } = sent[Number(incoming.headers.index)] ?? assert.fail()
      assert.deepEqual(Uint8Array.from(incoming.bytes), body)
      assertHeaders(incoming.headers, headers)
      assert.equal(incoming.orderingKey, orderingKey)
    }
    assert.equal(consumption.status, 'running')
  },

  async 'marks by chance in messages that are no copies are not believed, and do no harm'({ bench, handler, consume, until, shortMs }) {
    const random = seededRandom(3)
    const receiver = handler(inTurn((delivery) => delivery.postpone(shortMs, marksOf({ attempts: 1 })), ackAll))
    const consumption = await consume(receiver)
    await bench.publish([{ body: 'honest' }])
    await until('the honest one has come back', () => receiver.seen.length >= 2)
    const { origin } = receiver.seen[0]?.incoming ?? assert.fail()
    const bodies = Array.from({ length: count }, (_, index) => `forged ${index}`)
    await bench.publish(bodies.map((body) => ({ body, headers: { 'trace-id': body, ...forgedMarks(random, origin.destination) } })))
    await until('all have come back', () => receiver.seen.length >= 2 * (count + 1))
    for (const body of bodies) {
      const [first, copy] = receiver.seen.filter(({ text }) => text === body)
      assert.ok(first && copy, body)
      const { attempts, postponements, replay, waitedMs } = first
      assert.deepEqual({ attempts, postponements, replay, waitedMs }, { attempts: 0, postponements: 0, replay: false, waitedMs: 0 })
      assert.deepEqual([copy.attempts, copy.postponements, copy.replay], [1, 0, false])
      assert.ok(copy.waitedMs < 1_000_000, `it says that it waited ${copy.waitedMs} ms`)
      assert.deepEqual(copy.incoming.origin, first.incoming.origin)
      for (const { incoming } of [first, copy]) assertHeaders(incoming.headers, { 'trace-id': body })
    }
    assert.equal(consumption.status, 'running')
    assert.deepEqual(await bench.deadLetters('one'), [])
  },
}

const numbers = [
  '0',
  '1',
  '999',
  '999999999',
  '999999999999999',
  '99999999999999999999',
  '-1',
  '1e9',
  'NaN',
  'Infinity',
  '',
  ' 1',
  '253402300799999',
]

/** Some marks as a copy of the suite's own handler has them, and others in their stead. */
function forgedMarks(random: Random, destination: string): Record<string, string> {
  const copied = copyHeaders(
    marksOf({ attempts: 7, replay: true }),
    { origin: { destination, position: '1' }, nowEpochMs: 3, sinceEpochMs: 2 },
    1,
  )
  const forged: Record<string, string> = {}
  for (const [name, value] of Object.entries({ ...copied, 'hapax-reason': 'r', 'hapax-other': 'o', 'hapax-destination': 'elsewhere' })) {
    const how = random.fraction()
    if (how < 0.6) forged[name] = value
    else if (how < 0.9) forged[name] = pick(random, numbers)
  }
  return forged
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  return values[Math.floor(random.fraction() * values.length)] ?? assert.fail()
}

function anyBytes(random: Random): Uint8Array {
  const length = Math.floor(random.fraction() ** 4 * 20_000)
  return Uint8Array.from({ length }, () => Math.floor(random.fraction() * 256))
}
