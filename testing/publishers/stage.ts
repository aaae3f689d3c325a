import assert from 'node:assert/strict'
import { hasCode, readText } from '../../src/index.js'
import type { MessageHeaders, Outgoing, Publisher } from '../../src/index.js'
import type { SuiteCase } from '../suite.js'

/** A message as the broker keeps it. */
export interface PublishedMessage {
  readonly bytes: Uint8Array
  /** All of them, ours included. */
  readonly headers: MessageHeaders
  readonly orderingKey: string | undefined
}

/** A publisher, and one topic (queue, stream) that nobody used before. */
export interface PublisherBench {
  /** The one under test. */
  readonly publisher: Publisher
  /** What names the topic. Where it has partitions, give it at least three. */
  readonly destination: string
  /** All messages that are in the topic now, those of one ordering key in the broker's order; also after `closePublisher`. */
  read(): Promise<readonly PublishedMessage[]>
  /** Closes the publisher, as a process that ends does; nothing where there is nothing to close. */
  closePublisher(): Promise<void>
  /** Deletes and closes all that was made. */
  close(): Promise<void>
}

/** How a suite gets its benches. */
export interface PublisherStageOptions {
  /** Called once by each case. */
  open(): Promise<PublisherBench>
}

export type PublisherCases = Readonly<Record<string, (bench: PublisherBench) => Promise<void>>>

export function onStage({ open }: PublisherStageOptions, cases: PublisherCases): readonly SuiteCase[] {
  return Object.entries(cases).map(([name, play]) => ({
    name,
    async run() {
      const bench = await open()
      try {
        await play(bench)
      } finally {
        await bench.closePublisher()
        await bench.close()
      }
    },
  }))
}

/** Sends these to the bench's destination. */
export function send({ publisher, destination }: PublisherBench, messages: readonly Omit<Outgoing, 'destination'>[]): Promise<void> {
  return publisher.publish(messages.map((message) => ({ ...message, destination })))
}

/** The texts that are in the topic, each where it came first: what is published at least once may be there twice. */
export async function readTexts(bench: PublisherBench): Promise<readonly string[]> {
  return [...new Set((await bench.read()).map(({ bytes }) => readText(bytes)))]
}

/** Messages `<key> 1` to `<key> <count>` of each of these keys, in turns. */
export function inTurns(keys: readonly string[], count: number): readonly Omit<Outgoing, 'destination'>[] {
  return Array.from({ length: count }, (_, index) => keys.map((key) => ({ body: `${key} ${index + 1}`, orderingKey: key }))).flat()
}

/** Whether all messages of `inTurns` are there, those of each key in the order of the list. */
export function assertInTurns(texts: readonly string[], keys: readonly string[], count: number): void {
  for (const key of keys) {
    assert.deepEqual(
      texts.filter((text) => text.startsWith(`${key} `)),
      Array.from({ length: count }, (_, index) => `${key} ${index + 1}`),
      `messages of the key ${key}, as they are in the topic`,
    )
  }
}

/** The messages without an order. */
export function assertSame(texts: readonly string[], wanted: readonly string[]): void {
  assert.deepEqual(texts.toSorted(), wanted.toSorted())
}

export async function assertRefused(publishing: Promise<void>): Promise<void> {
  const error: unknown = await publishing.then(
    () => assert.fail('a message that will never be taken was confirmed'),
    (reason: unknown) => reason,
  )
  assert.ok(hasCode(error, 'publish-refused'), `rejected without the code publish-refused: ${String(error)}`)
}
