import { afterEach, expect, test } from 'vitest'
import { connect } from 'amqplib'
import { copyHeaders } from 'hapax'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { openLab, until } from '../transports/rabbitmq-lab.js'
import { anyBody, forgedMarks, goodOrders, openChance, parseOrder, scope, watchedHandler } from './strangers.js'
import type { ConfirmChannel, Options } from 'amqplib'
import type { Consumption } from 'hapax'
import type { Lab } from '../transports/rabbitmq-lab.js'
import type { Chance, Watched } from './strangers.js'

const labs: Lab[] = []
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})

interface Place {
  readonly lab: Lab
  /** Nobody publishes to it but who believes a forged header. */
  readonly elsewhere: string
}

async function openPlace(): Promise<Place> {
  const lab = await openLab()
  labs.push(lab)
  const elsewhere = `elsewhere-${lab.queue}`
  await lab.bind(elsewhere)
  // Has the queues of the group taken away at the end.
  lab.transport()
  return { lab, elsewhere }
}

function consume({ lab }: Place, { handler }: Watched): Promise<Consumption> {
  const options = { queue: lab.queue, delayStepsMs: [200, 1_000] }
  return rabbitmqTransport(() => connect(lab.url), { ...options, decode: (incoming) => parseOrder(incoming.json()) }).consume(handler)
}

interface Sent {
  readonly queue: string
  readonly body: Buffer
  readonly options: Options.Publish
}

function send({ lab }: Place, messages: readonly Sent[]): Promise<void> {
  return lab.on(async (channel) => {
    for (const { queue, body, options } of messages) channel.publish('', queue, body, { persistent: true, mandatory: true, ...options })
    await (channel as ConfirmChannel).waitForConfirms()
  })
}

/** Written as a table, and read as amqplib's notation of a type: what it inherits is written, and makes no notation. */
const asTable = (table: object): object => Object.create(table) as object
const nested = (depth: number): object => (depth === 0 ? {} : { deeper: nested(depth - 1) })

/** Headers of every type that AMQP has, and marks among them. */
function anyHeaders(chance: Chance, { lab, elsewhere }: Place, queue: string): Record<string, unknown> {
  const values: readonly [unknown, ...unknown[]] = [
    '',
    null,
    true,
    -0,
    -5,
    2 ** 40,
    1e300,
    chance.bytes(50),
    [1, 'a', null, { b: [chance.bytes(5)] }, [], {}],
    nested(20),
    nested(40),
    'y'.repeat(20_000),
    { '!': 'float', value: 0.5 },
    { '!': 'uint32', value: 7 },
    { '!': 'timestamp', value: chance.below(2_000_000_000) },
    { '!': 'decimal', value: { places: 2, digits: 999 } },
    asTable({ '!': 'decimal', value: 'none' }),
    asTable({ '!': 'decimal', value: { places: 300, digits: -1 } }),
    asTable({ '!': 'timestamp', value: -1 }),
    asTable({ '!': 'no such type', value: 1 }),
    { inner: asTable({ '!': 'decimal', value: null }), list: [asTable({ '!': 'timestamp', value: 'x' })] },
  ]
  // Not on their way through a delay queue: RabbitMQ 3.10 does not survive an `x-death` there that is none.
  const ofTheBroker = queue === lab.queue ? (['x-death', 'x-delivery-count', 'x-first-death-queue'] as const) : []
  const headers: Record<string, unknown> = {}
  for (let left = chance.below(5); left > 0; left -= 1) {
    const name = chance.one(['', 'constructor', 'trace', 'ключ', 'a\u0000b', 'x'.repeat(255), 'hapax-id', ...ofTheBroker])
    headers[name] = chance.one(values)
  }
  if (!chance.happens(0.7)) return headers
  const marks: Record<string, unknown> = forgedMarks(chance, lab.queue)
  for (const name of Object.keys(marks)) {
    if (chance.happens(0.1)) marks[name] = chance.one(values)
    else if (marks[name] === 'elsewhere') marks[name] = chance.one([elsewhere, lab.exchange])
  }
  return { ...headers, ...marks }
}

function anyProperties(chance: Chance): Options.Publish {
  return {
    ...(chance.happens(0.3) && { contentType: '\u0000', contentEncoding: 'gzip', priority: 255, timestamp: 2 ** 52 }),
    ...(chance.happens(0.3) && {
      replyTo: 'amq.direct',
      correlationId: 'ü'.repeat(120),
      messageId: chance.one(['', '%', 'x'.repeat(255)]),
    }),
    ...(chance.happens(0.1) && { userId: 'guest' }),
  }
}

test('what a stranger sends, wherever he may send it, ends handled, as a duplicate, or set aside with a reason, and the good ones are handled once', async () => {
  const place = await openPlace()
  const { lab, elsewhere } = place
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  try {
    const chance = openChance(2)
    const hostile = Array.from({ length: 400 }, (_, index): Sent => {
      const queue = `${lab.queue}${chance.one(['', '', '.retry', '.retry.200', '.retry.1000'])}`
      const headers = { ...anyHeaders(chance, place, queue), stranger: String(index) }
      return { queue, body: anyBody(chance) ?? Buffer.alloc(0), options: { ...anyProperties(chance), headers } }
    })
    hostile.push({ queue: lab.queue, body: Buffer.alloc(1_000_000, 'x'), options: { headers: { stranger: String(hostile.length) } } })
    await send(place, hostile)
    await send(
      place,
      goodOrders(50).map((body) => ({ queue: lab.queue, body: Buffer.from(body), options: { headers: { stranger: 'good' } } })),
    )

    await until('every one has come to its end', () => hostile.every((_, index) => watched.ends.has(String(index))))
    await until('the good ones, too', () => (watched.ends.get('good')?.length ?? 0) >= 100)

    const good = watched.runs.filter(({ id }) => /^good-\d+$/.test(id)).map(({ id }) => id)
    expect(new Set(good).size).toBe(50)
    expect(good).toHaveLength(50)
    expect(consumption.status).toBe('running')
    expect(watched.troubles).toEqual([])
  } finally {
    await consumption.stop()
  }
  const setAside = [...watched.ends.values()].flat().filter(({ status }) => status === 'dead-lettered')
  const letters = await lab.read(`${lab.queue}.dlq`)
  expect(letters).toHaveLength(setAside.length)
  expect(setAside.length).toBeGreaterThan(100)
  for (const { headers } of letters) expect(headers['hapax-reason']).toMatch(/^(could not be read|failed \d+ times): ./)
  for (const queue of [lab.queue, `${lab.queue}.retry`, `${lab.queue}.retry.200`, `${lab.queue}.retry.1000`, elsewhere])
    expect(await lab.read(queue), queue).toEqual([])
})

test('what a stranger can do who may write to the retry queue: use up attempts, reset them by a replay, name the place where it came from', async () => {
  const place = await openPlace()
  const { lab, elsewhere } = place
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  const marked = (more: Record<string, string>, id: string, fails = true): Sent => {
    const marks = { scope, key: 'another key', attempts: 1, postponements: 0, replay: false }
    const route = { origin: { destination: lab.queue, position: 'orders#17' }, nowEpochMs: Date.now(), sinceEpochMs: undefined }
    const headers = { ...copyHeaders(marks, route, 0), stranger: id, ...more }
    return { queue: `${lab.queue}.retry`, body: Buffer.from(JSON.stringify({ id, fails })), options: { headers } }
  }
  const attemptsOf = (id: string): number[] => watched.runs.filter((run) => run.id === id).map(({ attempt }) => attempt)
  try {
    const likeNew = ['no number', 'replayed', 'of another scope', 'of another queue']
    const delay = `${lab.queue}.retry.1000`
    const sentAt = Date.now()
    await send(place, [
      marked({ 'hapax-attempts': '999999999' }, 'exhausted'),
      marked({ 'hapax-attempts': '2' }, 'one left'),
      marked({ 'hapax-attempts': '-3' }, 'no number'),
      marked({ 'hapax-attempts': '2', 'hapax-replay': 'true' }, 'replayed'),
      marked({ 'hapax-scope': 'billing.other' }, 'of another scope'),
      marked({ 'hapax-origin': elsewhere }, 'of another queue'),
      marked({ 'hapax-attempts': '999999999' }, 'exhausted, and handled', false),
      marked({ 'hapax-due': String(Date.UTC(9999, 11, 31)) }, 'year 9999', false),
      {
        ...marked({}, 'year 9999 in the delay queue', false),
        queue: delay,
        options: { expiration: '100000000', headers: { stranger: 'late' } },
      },
      marked({ 'hapax-exchange': lab.exchange, 'hapax-routing-key': elsewhere, 'hapax-user': 'root' }, 'named places'),
      marked({ 'hapax-exchange': 'x'.repeat(9_000), 'hapax-position': '%'.repeat(9_000), 'hapax-user': 'x'.repeat(20_000) }, 'long names'),
    ])
    const ids = ['exhausted', 'one left', ...likeNew, 'exhausted, and handled', 'year 9999', 'late', 'named places', 'long names']
    await until('all are over', () => ids.every((id) => watched.ends.has(id)))
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(990)
    expect(attemptsOf('exhausted')).toEqual([1_000_000_000])
    expect(attemptsOf('one left')).toEqual([3])
    for (const id of likeNew) expect(attemptsOf(id)).toEqual([1, 2, 3])
    for (const id of ['named places', 'long names']) expect(attemptsOf(id)).toEqual([2, 3])
    for (const id of ['exhausted, and handled', 'year 9999', 'late']) expect(watched.ends.get(id)).toMatchObject([{ status: 'handled' }])
    expect(consumption.status).toBe('running')
    expect(watched.troubles).toEqual([])
  } finally {
    await consumption.stop()
  }
  expect(await lab.read(elsewhere)).toEqual([])
  const letters = await lab.read(`${lab.queue}.dlq`)
  expect(letters).toHaveLength(8)
  for (const { bytes, headers } of letters) {
    expect(decodeURIComponent(String(headers['hapax-key']))).toBe((JSON.parse(bytes.toString()) as { id: string }).id)
    expect(headers['hapax-origin']).toBe(lab.queue)
    for (const value of Object.values(headers)) expect(String(value).length).toBeLessThan(2_000)
  }
})
