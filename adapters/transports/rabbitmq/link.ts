import { refuseUnless, tooLate, within } from '../../../src/index.js'
import type { Clock } from '../../../src/index.js'
import type { AmqpChannel, AmqpConnection } from './client.js'

/** A connection of our own, from its opening to its end. It is never mended, but replaced: also when only a channel of it was lost. */
export interface Link {
  readonly connection: AmqpConnection
  /** Aborts when it ends, lost or closed. */
  readonly ended: AbortSignal
  /** Why it was lost; undefined while it lives and when it was closed. */
  readonly fault: unknown
  /** Takes a channel into the link's life: losing one means losing all. */
  adopt<Channel extends AmqpChannel>(channel: Channel): Channel
  /** The server's answer. Without one in time the link is lost. */
  ask<Value>(answer: Promise<Value>): Promise<Value>
  /** Asks something whose refusal the link survives, on a channel of its own. */
  aside<Value>(step: (channel: AmqpChannel) => Promise<Value>): Promise<Value>
  lose(error: unknown): void
  /** What was written to its channels reaches the server first. Resolves in time, whatever the server does. */
  close(): Promise<void>
}

export type Connect = () => Promise<AmqpConnection>

const connectWithinMs = 30_000
const answerWithinMs = 10_000
const closeWithinMs = 1_000

/** Rejects with what `connect` rejects with. */
export async function openLink(connect: Connect, clock: Clock): Promise<Link> {
  const connecting = Promise.resolve().then(connect)
  const connection = await within(clock, connectWithinMs, connecting)
  if (connection === tooLate) {
    connecting.then((late) => makeLink(late, clock).close()).catch(() => undefined)
    throw new Error(`No connection to RabbitMQ within ${connectWithinMs} ms (option connect)`)
  }
  refuseUnless.methods(
    'connect',
    connection,
    ['createChannel', 'createConfirmChannel', 'close', 'on'],
    "() => amqp.connect('amqp://localhost')",
  )
  return makeLink(connection, clock)
}

function makeLink(connection: AmqpConnection, clock: Clock): Link {
  const ending = new AbortController()
  const channels = new Set<AmqpChannel>()
  let fault: unknown

  const hangUp = async (): Promise<void> => {
    await within(
      clock,
      closeWithinMs,
      Promise.resolve()
        .then(() => connection.close())
        .catch(() => undefined),
    )
    destroySocket(connection)
  }
  const lose = (error: unknown): void => {
    if (ending.signal.aborted) return
    fault = error ?? new Error('The connection to RabbitMQ was closed')
    ending.abort(fault)
    void hangUp()
  }
  const ask = async <Value>(answer: Promise<Value>): Promise<Value> => {
    try {
      const given = await patiently(clock, answerWithinMs, answer)
      if (given !== tooLate) return given
      lose(new Error(`RabbitMQ did not answer within ${answerWithinMs} ms`))
    } catch (error) {
      // amqplib says only that there will be no answer; the link knows why.
      throw fault ?? error
    }
    throw fault
  }

  connection.on('error', lose)
  connection.on('close', lose)
  return {
    connection,
    ended: ending.signal,
    get fault() {
      return fault
    },
    adopt(channel) {
      channels.add(channel)
      channel.on('error', lose)
      channel.on('close', () => lose(new Error('A channel to RabbitMQ was closed')))
      return channel
    },
    ask,
    async aside(step) {
      const channel = await ask(connection.createChannel())
      // Without a listener amqplib would close the connection at an error; the refused call tells of it.
      channel.on('error', () => undefined)
      const answer = await ask(step(channel))
      // Whether or not that is answered, the answer above counts.
      channel.close().catch(() => undefined)
      return answer
    },
    lose,
    async close() {
      if (ending.signal.aborted) return
      ending.abort()
      // Acks wait in the channel's own buffer: a connection that is closed at once would overtake them.
      const closing = [...channels].map((channel) => Promise.resolve().then(() => channel.close()))
      await within(clock, closeWithinMs, Promise.allSettled(closing))
      await hangUp()
    },
  }
}

/** Like `within`, but a process that was stopped meanwhile has not waited: the answer may lie there unread. */
async function patiently<Value>(clock: Clock, ms: number, promise: Promise<Value>): Promise<Value | typeof tooLate> {
  for (let part = 0; part < 10; part += 1) {
    const value = await within(clock, ms / 10, promise)
    if (value !== tooLate) return value
  }
  return tooLate
}

/** amqplib waits for a server that does not answer, and keeps the process alive for so long. Without an error it would not notice that its socket is gone. */
function destroySocket(connection: AmqpConnection): void {
  const { connection: inner } = connection as { readonly connection?: { readonly stream?: { destroy?(error: Error): unknown } } }
  inner?.stream?.destroy?.(new Error('Closed by Hapax'))
}
