import { connect } from 'amqplib'
import { rabbitmqUrl } from '../../test/services/places.js'
import { encode, idsOf } from '../contenders/kafka/messages.js'
import { numberOf } from '../contract.js'
import type { OpenStage } from './stage.js'

/** A durable queue for each run, filled with persistent messages. */
export const rabbitmqStage: OpenStage = async () => {
  const connection = await connect(rabbitmqUrl)
  const channel = await connection.createConfirmChannel()
  const { version = '?' } = connection.connection.serverProperties as { readonly version?: string }
  return {
    servers: { RabbitMQ: `${version}, durable classic queue, persistent messages` },
    async prepare(run, settings) {
      const ids = idsOf(run, numberOf(settings, 'messages'), numberOf(settings, 'duplicatesPercent'))
      await channel.assertQueue(run, { durable: true, arguments: { 'x-queue-type': 'classic' } })
      for (const id of ids) channel.sendToQueue(run, Buffer.from(encode(id)), { persistent: true })
      await channel.waitForConfirms()
      return { rabbitmq: rabbitmqUrl, queue: run, keys: String(new Set(ids).size) }
    },
    async tidy(run) {
      for (const end of ['', '.retry', '.retry.1000', '.dlq']) await channel.deleteQueue(`${run}${end}`)
    },
    close: () => connection.close(),
  }
}
