/** Consuming with Hapax, whatever the store and the broker. */
import { idempotent } from 'hapax'
import { decode } from './kafka/messages.js'
import type { Incoming, Store, Transport } from 'hapax'
import type { Given, Stream } from '../contract.js'
import type { Message } from './kafka/messages.js'

/** One step, as nothing is meant to be put off, and each has a topic or a queue. */
export const delayStepsMs: readonly number[] = [1_000]

export function decodeIncoming(incoming: Incoming): Message {
  return decode(incoming.text())
}

export function consuming({ handle, settled }: Given, store: Store, transport: Transport<Message>): Stream {
  const handler = idempotent((message: Message) => handle(message.id), {
    store,
    scope: 'orders.bench',
    key: ({ id }) => id,
    onOutcome({ status }) {
      if (status === 'handled' || status === 'duplicate') settled()
    },
  })
  let stop: (() => Promise<void>) | undefined
  return {
    async start() {
      const consumption = await transport.consume(handler)
      stop = () => consumption.stop()
    },
    close: async () => stop?.(),
  }
}
