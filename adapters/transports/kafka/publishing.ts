import { backOff, sleep, systemRandom, tooLate, within } from '../../../src/index.js'
import { asRefusal, faultOf, isNoSuchTopic } from './faults.js'
import { byTopic, inRuns, mostBytes, mostMessages, sizeOf } from './batches.js'
import type { Clock } from '../../../src/index.js'
import type { OutgoingMessage, TopicMessages } from './client.js'

/** Publishes with one producer. What is asked for at the same time travels together, as kafkajs sends each call as a request of its own. */
export interface Publishing {
  /** Resolves once the broker has confirmed it. Rejects when that is unknown, after a few times `deadlineMs` at most. */
  readonly publish: (topic: string, message: OutgoingMessage) => Promise<void>
  /** Messages of one key: none is sent before all those before it are confirmed, or beside them in one request. */
  readonly publishInOrder: (topic: string, messages: readonly OutgoingMessage[]) => Promise<void>
  /** Rejects what has not been sent yet. */
  close(): void
}

/** A connected producer. */
export interface Line {
  /** One request to each broker, tried once; resolves when all have confirmed. */
  send(topicMessages: TopicMessages[]): Promise<void>
}

export interface PublishingParts {
  readonly clock: Clock
  /** Asked for whenever something is to be sent. */
  readonly connect: () => Promise<Line>
  /** Says that this one may be spoilt: kafkajs asks about every topic that a producer ever published to, and fails while one of them is gone. */
  readonly renew: (spoilt: Line) => void
  /** How long the broker may take to confirm, in milliseconds. */
  readonly deadlineMs: number
  /** Told when nothing came back, or the connection failed. */
  readonly onAway?: () => void
}

/** Messages of one topic, and of one key where they are several: they always travel in one request, which stores all of them or none. */
interface Run {
  readonly topic: string
  readonly messages: readonly OutgoingMessage[]
  readonly at: number
  readonly size: number
  resolve(): void
  reject(error: unknown): void
}

const mostInFlight = 2
/** With the pauses in between about as long as it takes to elect a leader, or until a new topic is known everywhere. */
const mostTries = 7

export function openPublishing({ clock, connect, renew, deadlineMs, onAway }: PublishingParts): Publishing {
  let asked: Run[] = []
  let inFlight = 0
  let scheduled = false
  let closed = false

  const rejectAll = (batch: readonly Run[], error: unknown): void => {
    for (const each of batch) each.reject(error)
  }
  const closedError = (): Error => new Error('The transport is closed: nothing is published any more')

  const takeBatch = (): Run[] => {
    let bytes = 0
    let messages = 0
    let count = 0
    for (const run of asked) {
      if (count > 0 && (messages + run.messages.length > mostMessages || bytes + run.size > mostBytes)) break
      bytes += run.size
      messages += run.messages.length
      count += 1
    }
    return asked.splice(0, count)
  }

  const send = async (batch: readonly Run[], renewed = false): Promise<void> => {
    const begun = clock.now()
    const leftMs = (): number => deadlineMs - (clock.now() - begun)
    for (let failures = 1; ; failures += 1) {
      let line: Line | undefined
      const sending = connect().then(async (ready): Promise<void | typeof tooLate> => {
        line = ready
        // A connection that is there too late sends nothing late.
        return leftMs() > 0 ? ready.send(byTopic(batch)) : tooLate
      })
      try {
        const sent = await within(clock, leftMs(), sending)
        if (sent !== tooLate) return batch.forEach((each) => each.resolve())
        sending.catch(() => undefined)
        onAway?.()
        const error = new Error(`The broker did not confirm within ${deadlineMs} ms: the messages may have been published or not`)
        return rejectAll(batch, error)
      } catch (error) {
        const fault = faultOf(error)
        const pauseMs = backOff(failures, systemRandom.fraction())
        // What one producer says of a topic is nothing to wait for before another one was asked.
        const again = fault !== 'message' && (renewed || !isNoSuchTopic(error)) && failures < mostTries && pauseMs < leftMs()
        if (!again || !line || closed) return sendParts(batch, error, line, renewed)
        await sleep(clock, pauseMs)
      }
    }
  }

  /** One message that the broker refuses must not fail those that happened to travel with it. */
  const sendParts = async (batch: readonly Run[], error: unknown, line: Line | undefined, renewed: boolean): Promise<void> => {
    const fault = faultOf(error)
    if (closed || !line || fault === 'connection') {
      if (!closed) onAway?.()
      return rejectAll(batch, error)
    }
    if (fault === 'topic' && !renewed) renew(line)
    const topics = new Set(batch.map(({ topic }) => topic))
    if (topics.size > 1) {
      for (const topic of topics) {
        await send(
          batch.filter((each) => each.topic === topic),
          renewed || fault === 'topic',
        )
      }
      return
    }
    if (fault === 'topic' && !renewed) return send(batch, true)
    const [only] = batch
    if (fault === 'topic' || !only || (batch.length === 1 && only.messages.length === 1)) return rejectAll(batch, asRefusal(error))
    if (batch.length === 1) return sendHalves(only, renewed)
    const half = Math.ceil(batch.length / 2)
    await send(batch.slice(0, half), renewed)
    await send(batch.slice(half), renewed)
  }

  /** The second half only once the first one is confirmed. */
  const sendHalves = async (run: Run, renewed: boolean): Promise<void> => {
    const half = Math.ceil(run.messages.length / 2)
    try {
      for (const messages of [run.messages.slice(0, half), run.messages.slice(half)]) {
        await new Promise<void>((resolve, reject) => void send([{ ...run, messages, resolve, reject }], renewed))
      }
      run.resolve()
    } catch (error) {
      run.reject(error)
    }
  }

  const pump = (): void => {
    scheduled = false
    const now = clock.now()
    if (asked[0] && now - asked[0].at > deadlineMs) {
      rejectAll(
        asked.filter(({ at }) => now - at > deadlineMs),
        new Error(`Not published within ${deadlineMs} ms, as those before it took too long`),
      )
      asked = asked.filter(({ at }) => now - at <= deadlineMs)
    }
    while (inFlight < mostInFlight && asked.length > 0) {
      inFlight += 1
      void send(takeBatch()).finally(() => {
        inFlight -= 1
        pump()
      })
    }
  }

  const publishRun = (topic: string, messages: readonly OutgoingMessage[], size: number): Promise<void> =>
    new Promise((resolve, reject) => {
      if (closed) return reject(closedError())
      asked.push({ topic, messages, at: clock.now(), size, resolve, reject })
      if (scheduled || inFlight >= mostInFlight) return
      scheduled = true
      queueMicrotask(pump)
    })

  return {
    publish: (topic, message) => publishRun(topic, [message], sizeOf(message)),
    async publishInOrder(topic, messages) {
      for (const run of inRuns(messages)) await publishRun(topic, run.messages, run.size)
    },
    close() {
      closed = true
      rejectAll(asked.splice(0), closedError())
    },
  }
}
