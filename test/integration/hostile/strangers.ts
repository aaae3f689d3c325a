import { copyHeaders, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { seededRandom } from 'hapax/testing'
import type { Idempotent, Outcome, Random, Trouble } from 'hapax'

export const scope = 'billing.charge'

export interface Order {
  readonly id: string
  readonly fails: boolean
}

/** As a careful user would, but for what the id is. */
export function parseOrder(json: unknown): Order {
  if (typeof json !== 'object' || json === null) throw new TypeError('no order')
  const { id, fails } = json as Record<string, unknown>
  return { id: id as string, fails: fails === true }
}

export interface Run {
  readonly id: string
  readonly attempt: number
}

/** A handler that fails where the message says so, and what became of each message, by its header `stranger`. */
export interface Watched {
  readonly handler: Idempotent<Order, unknown>
  readonly runs: readonly Run[]
  readonly troubles: readonly Trouble[]
  readonly ends: ReadonlyMap<string, readonly Outcome[]>
}

const over = new Set<Outcome['status']>(['handled', 'duplicate', 'dead-lettered'])

export function watchedHandler(): Watched {
  const runs: Run[] = []
  const troubles: Trouble[] = []
  const ends = new Map<string, readonly Outcome[]>()
  const charge = idempotent(
    ({ id, fails }: Order, { attempt }) => {
      runs.push({ id, attempt })
      if (fails) throw new Error('no money')
    },
    {
      store: memoryStore(),
      scope,
      key: ({ id }) => id,
      maxAttempts: 3,
      retryDelaysMs: [200],
      onTrouble: (trouble) => troubles.push(trouble),
    },
  )
  return {
    runs,
    troubles,
    ends,
    handler: {
      ...charge,
      async settle(delivery, session) {
        const outcome = await charge.settle(delivery, session)
        const { stranger = '' } = delivery.incoming.headers
        if (over.has(outcome.status)) ends.set(stranger, [...(ends.get(stranger) ?? []), outcome])
        return outcome
      },
    },
  }
}

export interface Chance {
  readonly random: Random
  happens(chance: number): boolean
  below(count: number): number
  one<Value>(values: readonly [Value, ...Value[]]): Value
  bytes(most: number): Buffer
}

export function openChance(seed: number): Chance {
  const random = seededRandom(seed)
  const below = (count: number): number => Math.floor(random.fraction() * count)
  return {
    random,
    below,
    happens: (chance) => random.fraction() < chance,
    one: (values) => values[below(values.length)] ?? values[0],
    bytes: (most) => Buffer.from(Array.from({ length: below(most) }, () => below(256))),
  }
}

const farAway = String(Date.UTC(9999, 11, 31))
const numbers = ['0', '-1', '1', '999', '999999999', '999999999999999', '9'.repeat(40), 'NaN', '1e9', '', ' 7', '0x10', farAway] as const
const texts = [
  '',
  'elsewhere',
  '%',
  '%'.repeat(3_000),
  'x'.repeat(9_000),
  '\u0000',
  '\n',
  'ü'.repeat(400),
  '../..',
  '{}',
  'true',
  'null',
] as const

/** Marks as a copy of this handler's has them, true and false ones in all combinations. */
export function forgedMarks(chance: Chance, origin: string): Record<string, string> {
  const marks = { scope: chance.happens(0.8) ? scope : 'billing.other', key: 'good-3', attempts: 1, postponements: 1, replay: true }
  const route = {
    origin: { destination: chance.happens(0.8) ? origin : 'elsewhere', position: '0/1' },
    nowEpochMs: Date.now(),
    sinceEpochMs: 1,
  }
  const forged: Record<string, string> = {}
  const honest = Object.entries(copyHeaders(marks, route, 100))
  for (const [name, value] of [...honest, ...others.map((other) => [other, 'elsewhere'] as const)]) {
    const named = name === 'hapax-scope' || name === 'hapax-origin'
    if (chance.happens(named ? 0.9 : 0.5)) forged[name] = value
    else if (chance.happens(0.7) && !named) forged[name] = chance.happens(0.5) ? chance.one(numbers) : chance.one(texts)
  }
  return forged
}

/** Marks of dead letters, of other transports, and some that are none. */
const others = [
  ['hapax-reason', 'hapax-dead-lettered-at', 'hapax-timestamp', 'hapax-exchange', 'hapax-routing-key', 'hapax-user', 'hapax-publish'],
  ['hapax-ordering-key', 'hapax-destination', 'hapax-topic', 'hapax-', 'Hapax-Attempts'],
].flat()

/** A body as nobody should send it, or one that can be read. */
export function anyBody(chance: Chance): Buffer | null {
  const id = JSON.stringify(`order-${chance.below(1_000_000)}`)
  return chance.one<() => Buffer | null>([
    () => null,
    () => Buffer.alloc(0),
    () => chance.bytes(300),
    () => Buffer.from([0xff, 0xfe, 0xc3, 0x28]),
    () => Buffer.from(`{"id":${id}`),
    () => Buffer.from('['.repeat(20_000)),
    () => Buffer.from(chance.one(['5', 'null', '[]', '"a text"', '{}', '{"id":5}', '{"id":""}', '{"id":null}', '{"id":["a"]}'])),
    () => Buffer.from('{"__proto__":{"id":"a"},"constructor":1}'),
    () => Buffer.from(`\ufeff{"id":${id}}`),
    () => Buffer.from(`{"id":${id}}`),
    () => Buffer.from(`{"id":${id},"fails":true}`),
    () => Buffer.from(JSON.stringify({ id: chance.one([...texts, '\ud800', '__proto__', "'; drop table orders; --"]) })),
  ])()
}

/** Good messages, each twice. */
export function goodOrders(count: number): readonly string[] {
  return Array.from({ length: count * 2 }, (_, index) => JSON.stringify({ id: `good-${index % count}` }))
}
