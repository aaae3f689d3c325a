/** Consuming by hand, with amqplib and an ack for each message. */
import { connect } from 'amqplib'
import { setting } from '../../contract.js'
import { decode } from '../kafka/messages.js'
import type { Given, Stream } from '../../contract.js'

/** @param work what is done before the ack */
export async function consumeByHand({ concurrency, settings, settled }: Given, work: (id: string) => Promise<void>): Promise<Stream> {
  const connection = await connect(setting(settings, 'rabbitmq'))
  const channel = await connection.createChannel()
  await channel.prefetch(concurrency)
  return {
    start: () =>
      channel.consume(setting(settings, 'queue'), (message) => {
        if (!message) return
        void work(decode(String(message.content)).id).then(() => {
          channel.ack(message)
          settled()
        })
      }),
    close: () => connection.close(),
  }
}
