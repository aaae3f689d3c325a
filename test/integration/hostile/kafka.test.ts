import kafkajs from 'kafkajs'
import { afterEach, expect, test } from 'vitest'
import { copyHeaders } from 'hapax'
import { kafkaTransport } from 'hapax/transports/kafka'
import { openLab, until } from '../transports/kafka-lab.js'
import { anyBody, forgedMarks, goodOrders, openChance, parseOrder, scope, watchedHandler } from './strangers.js'
import type { IHeaders, Message } from 'kafkajs'
import type { Consumption } from 'hapax'
import type { Lab } from '../transports/kafka-lab.js'
import type { Chance, Watched } from './strangers.js'

const labs: Lab[] = []
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})

interface Place {
  readonly lab: Lab
  readonly retry: (stepMs: number) => string
  readonly deadLetterTopic: string
}

async function openPlace(): Promise<Place> {
  const lab = await openLab({ partitions: 3 })
  labs.push(lab)
  await lab.create(`elsewhere-${lab.topic}`)
  const prefix = `${lab.topic}.${lab.groupId}`
  return { lab, retry: (stepMs) => `${prefix}.retry.${stepMs}`, deadLetterTopic: `${prefix}.dlt` }
}

async function consume({ lab }: Place, { handler }: Watched): Promise<Consumption> {
  const { topic, groupId } = lab
  const options = { topic, groupId, delayStepsMs: [200, 800], startFrom: 'earliest', sessionTimeoutMs: 6_000 } as const
  const transport = kafkaTransport(lab.kafka(), { ...options, decode: (incoming) => parseOrder(incoming.json()) })
  return transport.consume(handler)
}

/** kafkajs reads a header without a value, and writes none: it is asked for the value once, and again when it writes. */
function nullHeader(): string[] {
  const entries = [
    {
      key: 'nothing',
      asked: 0,
      get value() {
        this.asked += 1
        return this.asked === 1 ? '' : null
      },
    },
  ]
  return Object.assign<string[], object>([], { map: () => entries })
}

/** Headers of every kind that Kafka's protocol allows, and marks among them. */
function anyHeaders(chance: Chance, { topic }: Lab): IHeaders {
  const headers: [string, IHeaders[string]][] = []
  for (let left = chance.below(6); left > 0; left -= 1) {
    const name = chance.one([
      '',
      'constructor',
      '__proto__',
      'trace',
      'ключ',
      'a\u0000b',
      '\ud800',
      'x'.repeat(3_000),
      'hapax-id',
      'HAPAX-SCOPE',
    ])
    const value = chance.one<() => IHeaders[string]>([
      () => '',
      () => chance.bytes(100),
      () => 'y'.repeat(30_000),
      () => ['one', Buffer.from([0xff]), 'one'],
      () => [],
      nullHeader,
    ])()
    headers.push([name, value])
  }
  if (chance.happens(0.7)) headers.push(...Object.entries(forgedMarks(chance, topic)))
  return Object.fromEntries(headers)
}

/** Everything of these topics is committed by their groups: nothing waits. */
async function isDone({ lab, retry }: Place): Promise<boolean> {
  for (const [topic, group] of [[lab.topic, lab.groupId], ...[200, 800].map((step) => [retry(step), `${lab.groupId}.retry`])]) {
    if (topic === undefined) continue
    const committed = await lab.committed(group, topic)
    const ends = await lab.admin.fetchTopicOffsets(topic)
    if (ends.some(({ partition, high, low }) => Number(high) > Number(low) && (committed[partition] ?? -1) < Number(high))) return false
  }
  return true
}

test('what a stranger sends, wherever he may send it, ends handled, as a duplicate, or set aside with a reason, and the good ones are handled once', async () => {
  const place = await openPlace()
  const { lab, retry, deadLetterTopic } = place
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  try {
    const topicsBefore = await lab.admin.listTopics()
    const chance = openChance(1)
    const hostile = Array.from({ length: 400 }, (_, index): Message & { readonly topic?: string } => ({
      ...(index % 2 && { topic: retry(chance.one([200, 800])) }),
      key: chance.one([null, Buffer.alloc(0), 'a key', chance.bytes(20), 'k'.repeat(10_000)]),
      value: anyBody(chance),
      headers: { ...anyHeaders(chance, lab), stranger: String(index) },
    }))
    hostile.push({ value: Buffer.alloc(1_000_000, 'x'), headers: { stranger: String(hostile.length) } })
    hostile.push({ value: chance.bytes(1_000_000), headers: { stranger: String(hostile.length), 'hapax-id': 'i'.repeat(20_000) } })
    for (let from = 0; from < hostile.length; from += 50) await lab.send(hostile.slice(from, from + 50))
    await lab.send(goodOrders(50).map((value) => ({ value, headers: { stranger: 'good' } })))

    await until('every one has come to its end', () => hostile.every((_, index) => watched.ends.has(String(index))))
    await until('the good ones, too', () => (watched.ends.get('good')?.length ?? 0) >= 100)
    await until('nothing waits', () => isDone(place))

    const good = watched.runs.filter(({ id }) => /^good-\d+$/.test(id)).map(({ id }) => id)
    expect(new Set(good).size).toBe(50)
    expect(good).toHaveLength(50)
    expect(consumption.status).toBe('running')
    // Copies may say of themselves that they have waited since 1970, and meet a key that rests.
    expect(watched.troubles.filter(({ kind }) => kind !== 'overdue')).toEqual([])
    const setAside = [...watched.ends.values()].flat().filter(({ status }) => status === 'dead-lettered')
    const letters = await lab.deadLetters(deadLetterTopic)
    expect(letters).toHaveLength(setAside.length)
    expect(setAside.length).toBeGreaterThan(100)
    for (const { headers } of letters) expect(headers['hapax-reason']).toMatch(/^(could not be read|failed \d+ times): ./)
    expect(await lab.read(`elsewhere-${lab.topic}`)).toEqual([])
    expect((await lab.admin.listTopics()).filter((name) => name.includes(lab.topic)).toSorted()).toEqual(
      topicsBefore.filter((name) => name.includes(lab.topic)).toSorted(),
    )
  } finally {
    await consumption.stop()
  }
})

test('what a stranger can do who may write to the retry topics: use up attempts, reset them by a replay, choose a delay of up to the step', async () => {
  const place = await openPlace()
  const { lab, retry, deadLetterTopic } = place
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  const marked = (more: Record<string, string>, id: string, fails = true): Message & { readonly topic: string } => {
    const marks = { scope, key: 'another key', attempts: 1, postponements: 0, replay: false }
    const route = { origin: { destination: lab.topic, position: '0/17' }, nowEpochMs: Date.now(), sinceEpochMs: undefined }
    const headers = { ...copyHeaders(marks, route, 0), stranger: id, ...more }
    return { topic: retry(800), value: JSON.stringify({ id, fails }), headers }
  }
  const attemptsOf = (id: string): number[] => watched.runs.filter((run) => run.id === id).map(({ attempt }) => attempt)
  const ended = (id: string): Promise<void> => until(`${id} is over`, () => watched.ends.has(id))
  try {
    // Uses up attempts: it has one run left, or as many as it would have anyway where the number is none.
    await lab.send([
      marked({ 'hapax-attempts': '999999999' }, 'exhausted'),
      marked({ 'hapax-attempts': '2' }, 'one left'),
      marked({ 'hapax-attempts': '-3' }, 'no number'),
      marked({ 'hapax-attempts': '2', 'hapax-replay': 'true' }, 'replayed'),
      marked({ 'hapax-scope': 'billing.other' }, 'of another scope'),
      marked({ 'hapax-origin': 'elsewhere' }, 'of another topic'),
      marked({ 'hapax-attempts': '999999999' }, 'exhausted, and handled', false),
    ])
    await Promise.all(
      ['exhausted', 'one left', 'no number', 'replayed', 'of another scope', 'of another topic', 'exhausted, and handled'].map(ended),
    )
    expect(attemptsOf('exhausted')).toEqual([1_000_000_000])
    expect(attemptsOf('one left')).toEqual([3])
    for (const id of ['no number', 'replayed', 'of another scope', 'of another topic']) expect(attemptsOf(id)).toEqual([1, 2, 3])
    expect(watched.ends.get('exhausted, and handled')).toMatchObject([{ status: 'handled' }])

    // What the record remembers counts, whatever a copy says; a replay makes it forget.
    await lab.send([{ value: JSON.stringify({ id: 'failing', fails: true }), headers: { stranger: 'honest' } }])
    await until('it has failed once', () => attemptsOf('failing').length === 1)
    await lab.send([{ ...marked({ 'hapax-attempts': '0', stranger: 'forged' }, 'failing'), topic: retry(200) }])
    await until('both are over', () => watched.ends.has('honest') && watched.ends.has('forged'))
    const firstDeadLetter = attemptsOf('failing').indexOf(3)
    expect(attemptsOf('failing').slice(0, firstDeadLetter + 1)).toEqual([1, 2, 3])

    // The longest wait is the step, from when it is first seen.
    const sentAt = Date.now()
    await lab.send([marked({ 'hapax-due': String(Date.UTC(9999, 11, 31)) }, 'year 9999', false)])
    await ended('year 9999')
    expect(Date.now() - sentAt).toBeGreaterThanOrEqual(700)
    expect(Date.now() - sentAt).toBeLessThan(20_000)

    // The key is the message's own, and so is what it is a duplicate of.
    await lab.send([{ value: JSON.stringify({ id: 'another key' }), headers: { stranger: 'owner' } }])
    await ended('owner')
    expect(watched.ends.get('owner')).toMatchObject([{ status: 'handled' }])
    await until('nothing waits', () => isDone(place))
    for (const { bytes, headers } of await lab.deadLetters(deadLetterTopic)) {
      expect(decodeURIComponent(headers['hapax-key'] ?? '')).toBe((JSON.parse(Buffer.from(bytes).toString()) as { id: string }).id)
      expect(headers['hapax-origin']).toBe(lab.topic)
    }
    expect(consumption.status).toBe('running')
  } finally {
    await consumption.stop()
  }
})

const { CompressionCodecs, CompressionTypes } = kafkajs

test('what came compressed and is larger than the broker takes as it is can be postponed, and set aside', async () => {
  const place = await openPlace()
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  const producer = place.lab.kafka().producer()
  await producer.connect()
  try {
    const value = JSON.stringify({ id: 'large', fails: true, rest: 'x'.repeat(5_000_000) })
    await producer.send({
      topic: place.lab.topic,
      compression: CompressionTypes.GZIP,
      messages: [{ value, headers: { stranger: 'large' } }],
    })
    await until('it is set aside', () => watched.ends.has('large'))
    expect(watched.ends.get('large')).toMatchObject([{ status: 'dead-lettered', attempts: 3 }])
    const [letter] = await place.lab.deadLetters(place.deadLetterTopic)
    expect(letter?.bytes.length).toBe(value.length)
    expect(watched.troubles).toEqual([])
  } finally {
    await Promise.all([consumption.stop(), producer.disconnect()])
  }
})

/** Snappy, in which nothing is compressed: kafkajs has none of its own. */
function asSnappy(bytes: Buffer): Buffer {
  const length: number[] = []
  for (let left = bytes.length; left > 0; left >>>= 7) length.push((left & 127) | (left > 127 ? 128 : 0))
  const literals: Buffer[] = []
  for (let from = 0; from < bytes.length; from += 60) {
    const piece = bytes.subarray(from, from + 60)
    literals.push(Buffer.from([(piece.length - 1) << 2]), piece)
  }
  const block = Buffer.concat([Buffer.from(length), ...literals])
  const size = Buffer.alloc(4)
  size.writeUInt32BE(block.length)
  return Buffer.concat([Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01', 'latin1'), size, block])
}

test('what is compressed in a way that kafkajs cannot read ends consuming with an error that says so, and stays', async () => {
  const place = await openPlace()
  const { lab } = place
  const watched = watchedHandler()
  const consumption = await consume(place, watched)
  const lacking = CompressionCodecs[CompressionTypes.Snappy] as () => { decompress(bytes: Buffer): Promise<Buffer> }
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: ({ buffer }: { readonly buffer: Buffer }) => Promise.resolve(asSnappy(buffer)),
    decompress: async (bytes: Buffer) => lacking().decompress(bytes),
  })
  const producer = lab.kafka().producer()
  await producer.connect()
  try {
    await producer.send({ topic: lab.topic, compression: CompressionTypes.Snappy, messages: [{ value: '{"id":"a"}', partition: 0 }] })
    await expect(consumption.done).rejects.toMatchObject({
      code: 'configuration',
      option: 'kafka',
      message: expect.stringMatching(/Snappy.*CompressionCodecs/) as string,
    })
    expect(consumption.status).toBe('stopped')
    expect((await lab.committed())[0]).toBeLessThan(1)
  } finally {
    CompressionCodecs[CompressionTypes.Snappy] = lacking
    await Promise.all([consumption.stop(), producer.disconnect()])
  }
})
