import { rabbitmqTransport } from '../../../adapters/transports/rabbitmq.js'
import { faultOfUrl } from '../addresses.js'
import { concurrency, delaysMs, readPayment } from '../handlers.js'
import type { Channel, ChannelModel } from 'amqplib'
import type { BrokerProduct } from './broker.js'

const load = () => import('amqplib')
const connectTo = async (at: string) => (await load()).connect(at, { timeout: 5_000 })

export const rabbitmqBroker: BrokerProduct = {
  name: 'RabbitMQ',
  client: 'amqplib',
  load,
  faultOf: (at) => faultOfUrl(at, ['amqp:', 'amqps:'], 'amqp://guest:guest@localhost:5672'),

  async open(at, run) {
    const connection = await connectTo(at)
    // What is lost with it is told by what is asked next.
    connection.on('error', () => undefined)
    const publishing = await connection.createConfirmChannel()
    publishing.on('error', () => undefined)
    const deadLetterQueue = `${run}.dlq`
    const waiting = [run, `${run}.retry`, ...delaysMs.map((ms) => `${run}.retry.${ms}`)]

    const onChannel = <Value>(act: (channel: Channel) => Promise<Value>): Promise<Value> => actOn(connection, act)
    return {
      make: () => onChannel(async (channel) => void (await channel.assertQueue(run, { durable: true }))),
      async publish(sendings) {
        for (const { payment } of sendings) publishing.sendToQueue(run, Buffer.from(JSON.stringify(payment)), { persistent: true })
        await publishing.waitForConfirms()
      },
      left: () =>
        onChannel(async (channel) => {
          let ready = 0
          for (const queue of waiting) ready += (await channel.checkQueue(queue)).messageCount
          return ready
        }),
      deadLetters: () =>
        onChannel(async (channel) => {
          const found: string[] = []
          for (;;) {
            const letter = await channel.get(deadLetterQueue, { noAck: true })
            if (!letter) return found
            found.push(readPayment(JSON.parse(letter.content.toString())).id)
          }
        }),
      async remove() {
        // The first connection may be lost, and amqplib does not connect again by itself.
        const another = await connectTo(at)
        another.on('error', () => undefined)
        await actOn(another, async (channel) => {
          for (const queue of [...waiting, deadLetterQueue]) await channel.deleteQueue(queue)
        })
        await another.close()
      },
      close: () => connection.close(),
    }
  },

  transport: (at, run) =>
    Promise.resolve(
      rabbitmqTransport(() => connectTo(at), {
        queue: run,
        concurrency,
        delayStepsMs: delaysMs,
        decode: (incoming) => readPayment(incoming.json()),
      }),
    ),
}

/** Acts on a channel of its own: what the server refuses closes the channel. */
async function actOn<Value>(connection: ChannelModel, act: (channel: Channel) => Promise<Value>): Promise<Value> {
  const channel = await connection.createChannel()
  channel.on('error', () => undefined)
  const value = await act(channel)
  await channel.close()
  return value
}
