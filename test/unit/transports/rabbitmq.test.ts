import { describe, expect, it } from 'vitest'
import { ConfigurationError, PublishRefusedError } from '../../../src/index.js'
import { copiedHeaders, tableBytes, textHeaders, withoutDeaths } from '../../../adapters/transports/rabbitmq/headers.js'
import { explainQueue, isHopeless, refusalOf, serverText } from '../../../adapters/transports/rabbitmq/faults.js'
import { openQueueNames } from '../../../adapters/transports/rabbitmq/queue-names.js'
import { copiedProperties } from '../../../adapters/transports/rabbitmq/properties.js'
import { rabbitmqTransport } from '../../../adapters/transports/rabbitmq.js'

/** As amqplib makes it of what the server says. */
const closed = (code: number, text: string): Error =>
  Object.assign(new Error(`Channel closed by server: ${code} (SOME-NAME) with message "${text}"`), { code })

describe('headers', () => {
  it('are shown as text, whatever they are', () => {
    const cyclic: Record<string, unknown> = {}
    cyclic['self'] = cyclic
    expect(
      textHeaders({
        text: 'ü',
        number: 1.5,
        no: false,
        nothing: null,
        bytes: Buffer.from('b'),
        when: { '!': 'timestamp', value: 17 },
        list: [Buffer.from('x'), 1],
        table: { a: { b: null } },
        cyclic,
      }),
    ).toEqual({
      text: 'ü',
      number: '1.5',
      no: 'false',
      nothing: '',
      bytes: 'b',
      when: '17',
      list: '["x",1]',
      table: '{"a":{"b":null}}',
      cyclic: '',
    })
    expect(textHeaders(undefined)).toEqual({})
  })

  it('go onto a copy as they came, but for marks, what is the broker’s, and what cannot be written', () => {
    const kept = {
      text: 'a',
      number: 1,
      bytes: Buffer.from('b'),
      when: { '!': 'timestamp', value: 17 },
      table: { list: [1, 'b'] },
      'hapax-id': '1',
    }
    const deep: Record<string, unknown> = {}
    let inner = deep
    for (let depth = 0; depth < 100; depth += 1) inner = inner['down'] = {}
    const copied = copiedHeaders(
      {
        ...kept,
        'hapax-attempts': '3',
        'x-death': [],
        'x-first-death-queue': 'q',
        CC: ['q'],
        BCC: ['q'],
        'x-deduplication-header': '1',
        'x-delivery-count': 1,
        'x-custom': 'stays',
        tricky: { '!': 'no such type', value: 1 },
        late: { '!': 'timestamp', value: 2 ** 64 },
        ['ü'.repeat(200)]: 'long name',
        infinite: Number.POSITIVE_INFINITY,
        low: -1e300,
      },
      { 'hapax-scope': 's' },
    )
    expect(copied).toEqual({
      ...kept,
      'x-custom': 'stays',
      low: { '!': 'double', value: -1e300 },
      'hapax-scope': 's',
    })
    expect(() => copiedHeaders({ deep }, {})).not.toThrow()
  })

  it('that are too large together lose the largest, and only those', () => {
    const copied = copiedHeaders({ a: 'x'.repeat(40_000), b: 'y'.repeat(20_000), c: 'z'.repeat(10_000), d: '' }, { 'hapax-scope': 's' })
    expect(Object.keys(copied)).toEqual(['b', 'c', 'd', 'hapax-scope'])
    expect(tableBytes(copied)).toBeLessThanOrEqual(64_000)
  })

  it('lose the traces of the delay queue', () => {
    expect(withoutDeaths({ 'x-death': '[]', 'x-last-death-reason': 'expired', 'x-custom': '1', a: 'b' })).toEqual({
      'x-custom': '1',
      a: 'b',
    })
  })
})

it('properties go onto a copy where a stranger’s can be written, without the user and the expiration', () => {
  expect(
    copiedProperties({
      contentType: 'text/plain',
      correlationId: '\ufffd'.repeat(200),
      replyTo: 'amq.rabbitmq.reply-to',
      messageId: '1',
      timestamp: 2 ** 64,
      priority: 3,
      type: undefined,
      userId: 'guest',
    }),
  ).toEqual({ contentType: 'text/plain', messageId: '1', priority: 3 })
})

describe('names of queues', () => {
  const names = (more: Partial<Parameters<typeof openQueueNames>[0]> = {}) =>
    openQueueNames({ queue: 'orders', delayStepsMs: [10, 100], ...more })

  it('are made of the queue', () => {
    const { retry, deadLetter, delays } = names()
    expect({ retry, deadLetter, delays: delays.map(({ queue }) => queue) }).toEqual({
      retry: 'orders.retry',
      deadLetter: 'orders.dlq',
      delays: ['orders.retry.10', 'orders.retry.100'],
    })
  })

  it('a delay goes to the shortest step that is long enough, or to the longest', () => {
    const { delayFor } = names()
    expect([0, 10, 11, 100, 5_000].map((delayMs) => delayFor(delayMs).stepMs)).toEqual([10, 10, 100, 100, 100])
  })

  it.each([
    ['queue', { queue: '' }],
    ['queue', { queue: 'ü'.repeat(128) }],
    ['delayStepsMs', { delayStepsMs: [] }],
    ['delayStepsMs', { delayStepsMs: [10, 10] }],
    ['delayStepsMs', { delayStepsMs: [0] }],
    ['delayStepsMs', { delayStepsMs: [2 ** 33] }],
    ['retryQueuePrefix', { retryQueuePrefix: 'amq.x' }],
    ['retryQueuePrefix', { retryQueuePrefix: 'x'.repeat(250) }],
    ['retryQueuePrefix', { queue: 'a.retry', retryQueuePrefix: 'a' }],
    ['deadLetterQueue', { deadLetterQueue: 'orders' }],
    ['deadLetterQueue', { deadLetterQueue: 'orders.retry.100' }],
  ])('refuses what RabbitMQ would refuse, or what would go round in circles: %s', (option, more) => {
    expect(() => names(more)).toThrow(expect.objectContaining({ code: 'configuration', option }) as Error)
  })
})

describe('what the server says', () => {
  it('is told from what amqplib wraps around it', () => {
    expect(serverText(closed(404, "no queue 'a\"b'"))).toBe("no queue 'a\"b'")
    expect(serverText(new Error('other'))).toBe('other')
  })

  it('blames the one message that it is about', () => {
    const message = { exchange: 'events', routingKey: 'a.b', content: Buffer.alloc(9) }
    const refused = (error: unknown, more = {}): boolean => refusalOf(error, { ...message, ...more }) instanceof PublishRefusedError
    expect(refused(closed(404, "NOT_FOUND - no exchange 'events' in vhost '/'"))).toBe(true)
    expect(refused(closed(404, "NOT_FOUND - no exchange 'events' in vhost '/'"), { exchange: 'others' })).toBe(false)
    expect(refused(closed(403, "ACCESS_REFUSED - access to exchange 'amq.default' in vhost '/' refused"), { exchange: '' })).toBe(true)
    expect(refused(closed(403, "access to topic 'a.b' in exchange 'events' in vhost '/' refused"))).toBe(true)
    expect(refused(closed(403, "access to topic 'x' in exchange 'events' in vhost '/' refused"))).toBe(false)
    expect(refused(closed(406, 'message size 9 is larger than configured max size 8'))).toBe(true)
    expect(refused(closed(406, 'message size 19 is larger than configured max size 8'))).toBe(false)
    expect(refused(closed(541, 'INTERNAL_ERROR'))).toBe(false)
    expect(refused(new Error('read ECONNRESET'))).toBe(false)
  })

  it('is hopeless only where a later try would end the same way', () => {
    const told = (code: number, text: string): unknown => explainQueue(closed(code, text), 'queue', 'orders')
    expect(told(404, "no queue 'orders'")).toMatchObject({ code: 'configuration', option: 'queue' })
    expect(told(404, "home node of durable queue 'orders' is down or inaccessible")).not.toBeInstanceOf(ConfigurationError)
    expect(told(541, 'INTERNAL_ERROR')).not.toBeInstanceOf(ConfigurationError)
    expect(isHopeless(told(403, 'access refused'))).toBe(true)
    expect(isHopeless(told(403, 'in exclusive use'))).toBe(false)
    expect(isHopeless(told(404, 'no queue'))).toBe(false)
    expect(isHopeless(closed(403, 'access refused'))).toBe(false)
  })
})

describe('options', () => {
  const make = (more: object): unknown =>
    rabbitmqTransport(() => Promise.reject(new Error('not used')), { queue: 'orders', decode: (incoming) => incoming.text(), ...more })

  it.each([
    ['decode', { decode: undefined }],
    ['concurrency', { concurrency: 0 }],
    ['prefetch', { concurrency: 10, prefetch: 9 }],
    ['prefetch', { prefetch: 65_536 }],
    ['maxAside', { maxAside: -1 }],
    ['publishTimeoutMs', { publishTimeoutMs: 99 }],
    ['queueType', { queueType: 'stream' }],
    ['exchange', { exchange: 'x'.repeat(256) }],
  ])('%s has bounds', (option, more) => {
    expect(() => make(more)).toThrow(expect.objectContaining({ code: 'configuration', option }) as Error)
  })
})
