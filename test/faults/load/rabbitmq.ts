import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import { deadLetterOf, delayStepsMs } from '../names.js'
import { persist } from './broker.js'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import type { Arrived, Broker } from './broker.js'
import type { Sending } from './plan.js'

export function openRabbitmq(address: string, run: string): Broker {
  interface Opened {
    readonly connection: ChannelModel
    readonly channel: ConfirmChannel
    /** Rejects when it is over. */
    readonly over: Promise<never>
  }
  let opened: Promise<Opened> | undefined
  const openAnew = async (): Promise<Opened> => {
    const connection = await connect(address, { timeout: 5_000 })
    const channel = await connection.createConfirmChannel()
    const over = new Promise<never>((_, reject) => {
      for (const emitter of [connection, channel]) {
        emitter.on('error', () => undefined)
        emitter.on('close', () => {
          opened = undefined
          reject(new Error('closed'))
        })
      }
    })
    over.catch(() => undefined)
    return { connection, channel, over }
  }
  const open = (): Promise<Opened> => {
    opened ??= openAnew().catch((error: unknown) => {
      opened = undefined
      throw error
    })
    return opened
  }
  /** On a channel of its own: one on which a queue is missing is closed. */
  const count = async (queue: string): Promise<number> => {
    const { connection } = await open()
    const channel = await connection.createChannel()
    channel.on('error', () => undefined)
    try {
      return (await channel.checkQueue(queue)).messageCount
    } catch (error) {
      if ((error as { code?: number }).code === 404) return 0
      throw error
    } finally {
      await channel.close().catch(() => undefined)
    }
  }
  const publish = async (sendings: readonly Sending[]): Promise<void> => {
    const { channel, over } = await open()
    const confirmed = new Promise<void>((resolve, reject) => {
      let unsettled = sendings.length
      const settled = (error: unknown): void => {
        if (error !== null && error !== undefined) reject(error instanceof Error ? error : new Error('not confirmed'))
        else if ((unsettled -= 1) === 0) resolve()
      }
      for (const { body } of sendings) channel.sendToQueue(run, Buffer.from(body), { persistent: true }, settled)
    })
    await Promise.race([confirmed, over])
  }
  const queues = [run, `${run}.retry`, ...delayStepsMs.map((stepMs) => `${run}.retry.${stepMs}`)]
  const broker: Broker = {
    async make() {
      const { channel } = await open()
      await channel.assertQueue(run, { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    },
    async send(sendings) {
      if (sendings.length > 0) await persist(() => publish(sendings))
    },
    left: () =>
      persist(async () => {
        let sum = 0
        for (const queue of queues) sum += await count(queue)
        return sum
      }),
    read(destination, told) {
      let isOver = false
      let reading: ChannelModel | undefined
      const begin = async (): Promise<void> => {
        const connection = (reading = await connect(address, { timeout: 5_000 }))
        connection.on('error', () => undefined)
        connection.on('close', () => void (isOver || persist(begin)))
        const channel = await connection.createChannel()
        channel.on('error', () => undefined)
        await channel.prefetch(100)
        await channel.consume(destination, (message) => {
          if (!message) return
          told({ body: String(message.content), reason: String(message.properties.headers?.['hapax-reason'] ?? '') })
          channel.ack(message)
        })
      }
      return persist(begin).then(() => ({
        async close() {
          isOver = true
          await reading?.close().catch(() => undefined)
        },
      }))
    },
    async deadLetters() {
      const queue = deadLetterOf('rabbitmq', run)
      const expected = await persist(() => count(queue))
      const found: Arrived[] = []
      if (expected === 0) return found
      const reader = await broker.read(queue, (arrived) => found.push(arrived))
      while (found.length < expected) await sleep(50)
      await reader.close()
      return found
    },
    async close() {
      await (await open()).connection.close()
    },
  }
  return broker
}
