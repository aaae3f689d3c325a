import { PublishRefusedError, messageOf, within } from '../../../src/index.js'
import { publishHeader } from './headers.js'
import { refusalOf, returnedError, unknownError } from './faults.js'
import type { Clock } from '../../../src/index.js'
import type { AmqpConfirmChannel, AmqpMessage, AmqpPublishOptions } from './client.js'
import type { Link } from './link.js'

/** A message as it is sent. */
export interface Outbound {
  readonly exchange: string
  readonly routingKey: string
  readonly content: Buffer
  readonly options: Omit<AmqpPublishOptions, 'mandatory' | 'persistent'>
}

/** A link that publishes, with its confirm channel. */
export interface Line {
  readonly link: Link
  readonly channel: AmqpConfirmChannel
}

export interface PublishingParts {
  readonly clock: Clock
  /** A line, ready; asked for when something is to be sent and there is none. */
  readonly open: () => Promise<Line>
  /** How long the broker may take to confirm, in milliseconds. */
  readonly deadlineMs: number
  /** Whether a new line creates queues that are missing: then the one on which something did not find its queue is done with. */
  readonly mends: boolean
}

/** Publishes one after the other on one channel at a time, without waiting for confirms in between. */
export interface Publishing {
  /** Resolves once the broker has confirmed it. Rejects with code `publish-refused` what it will never take, and otherwise when that is unknown. */
  readonly publish: (message: Outbound) => Promise<void>
  /** Has a line before there is anything to send. */
  connect(): Promise<void>
  /** Rejects what has not been sent yet, and waits for what has been. */
  close(): Promise<void>
}

interface Asked extends Outbound {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
  /** The tick at which it was asked for, then the one at which it was sent. */
  since: number
  /** The broker sent it back: no queue took it. Its confirm comes all the same. */
  returned: boolean
}

interface OpenLine extends Line {
  /** By the number in their header. */
  readonly inFlight: Map<string, Asked>
  bytes: number
  /** amqplib's buffer is full. */
  full: boolean
  confirmedAt: number
  /** Sends nothing new. */
  retired: boolean
}

const closeWithinMs = 3_000
const mostInFlight = 1_000
const mostBytes = 8_000_000
/** Time is counted in parts, so that a process that was stopped meanwhile has not waited. */
const ticks = 10

export function openPublishing({ clock, open, deadlineMs, mends }: PublishingParts): Publishing {
  const waiting = new Set<Asked>()
  const lines = new Set<OpenLine>()
  let line: OpenLine | undefined
  let opening: Promise<void> | undefined
  let closed = false
  let number = 0
  let now = 0
  let confirmedAt = 0
  let cancelTick: (() => void) | undefined
  let idle = (): void => undefined

  const inFlight = (): number => [...lines].reduce((sum, each) => sum + each.inFlight.size, 0)

  const rejectWaiting = (error: unknown): void => {
    for (const asked of waiting) asked.reject(error)
    waiting.clear()
  }
  const connect = (): Promise<void> => {
    if (line) return Promise.resolve()
    opening ??= begin().then(
      () => {
        opening = undefined
        pump()
      },
      (error: unknown) => {
        opening = undefined
        rejectWaiting(error)
        throw error
      },
    )
    return opening
  }
  const begin = async (): Promise<void> => {
    const ready = await open()
    if (closed) {
      await ready.link.close()
      throw closedError()
    }
    const made: OpenLine = { ...ready, inFlight: new Map(), bytes: 0, full: false, confirmedAt: now, retired: false }
    made.channel.on('return', (message) => {
      const { properties } = message as AmqpMessage
      const asked = made.inFlight.get(String(properties.headers?.[publishHeader]))
      if (asked) asked.returned = true
    })
    made.channel.on('drain', () => {
      made.full = false
      pump()
    })
    made.link.ended.addEventListener('abort', () => {
      made.retired = true
      lines.delete(made)
      if (line === made) line = undefined
      for (const [key, asked] of made.inFlight) {
        const { fault } = made.link
        settled(made, key, asked, refusalOf(fault, asked) ?? unknownError(fault ?? closedError()))
      }
    })
    lines.add(made)
    line = made
  }

  /** A line on which something did not find its queue: the next one declares the queues again. */
  const retire = (made: OpenLine): void => {
    made.retired = true
    if (line === made) line = undefined
    if (made.inFlight.size === 0) void made.link.close()
  }

  const settled = (made: OpenLine, key: string, asked: Asked, error: Error | undefined): void => {
    if (!made.inFlight.delete(key)) return
    made.bytes -= asked.content.length
    if (error) asked.reject(error)
    else {
      made.confirmedAt = confirmedAt = now
      if (asked.returned) {
        asked.reject(returnedError(asked))
        if (mends) retire(made)
      } else asked.resolve()
    }
    if (made.retired && made.inFlight.size === 0 && !made.link.ended.aborted) void made.link.close()
    if (inFlight() === 0) idle()
    pump()
  }

  const send = (made: OpenLine, asked: Asked): void => {
    const { exchange, routingKey, content, options } = asked
    const key = String((number += 1))
    const headers = { ...options.headers, [publishHeader]: key }
    asked.since = now
    made.inFlight.set(key, asked)
    made.bytes += content.length
    try {
      made.full = !made.channel.publish(
        exchange,
        routingKey,
        content,
        { ...options, headers, mandatory: true, persistent: true },
        (error) => settled(made, key, asked, error ? unknownError(error) : undefined),
      )
    } catch (error) {
      made.inFlight.delete(key)
      made.bytes -= content.length
      if (error instanceof Error && error.name === 'IllegalOperationError') made.link.lose(error)
      asked.reject(
        made.link.ended.aborted
          ? unknownError(error)
          : new PublishRefusedError(`This message cannot be written: ${messageOf(error)}`, { cause: error }),
      )
    }
  }

  const pump = (): void => {
    if (waiting.size === 0) return
    tick()
    if (!line) {
      connect().catch(() => undefined)
      return
    }
    for (const asked of waiting) {
      if (
        line.full ||
        line.retired ||
        line.inFlight.size >= mostInFlight ||
        (line.bytes > 0 && line.bytes + asked.content.length > mostBytes)
      )
        return
      waiting.delete(asked)
      send(line, asked)
    }
  }

  const tick = (): void => {
    cancelTick ??= clock.schedule(deadlineMs / ticks, () => {
      cancelTick = undefined
      now += 1
      for (const asked of waiting) {
        // As long as others get through, its turn will come.
        if (now - Math.max(asked.since, confirmedAt) <= ticks) break
        waiting.delete(asked)
        asked.reject(new Error(`Not published within ${deadlineMs} ms: RabbitMQ takes nothing at present`))
      }
      for (const made of lines) expire(made)
      if (waiting.size > 0 || inFlight() > 0) tick()
    })
  }
  const expire = (made: OpenLine): void => {
    for (const [key, asked] of made.inFlight) {
      if (now - asked.since <= ticks) return
      const error = new Error(`RabbitMQ did not confirm within ${deadlineMs} ms: the message may have been published or not`)
      // One queue may be without a leader while others confirm.
      if (made.confirmedAt < asked.since) return made.link.lose(error)
      settled(made, key, asked, error)
    }
  }

  return {
    publish: (message) =>
      new Promise((resolve, reject) => {
        if (closed) return reject(closedError())
        waiting.add({ ...message, resolve, reject, since: now, returned: false })
        pump()
      }),
    connect,
    async close() {
      closed = true
      rejectWaiting(closedError())
      if (inFlight() > 0) await within(clock, closeWithinMs, new Promise<void>((resolve) => (idle = resolve)))
      await Promise.all([...lines].map(({ link }) => link.close()))
      cancelTick?.()
    },
  }
}

function closedError(): Error {
  return new Error('The transport is closed: nothing is published any more')
}
