import { connect } from 'amqplib'
import { rabbitmqTransport } from 'hapax/transports/rabbitmq'
import { setting } from '../../contract.js'
import { consuming, decodeIncoming, delayStepsMs } from '../consuming.js'
import { openStore as openPostgres } from '../postgres/pool.js'
import { openStore as openRedis } from '../redis/clients.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { concurrency, settings } = given
  const opened = settings['store'] === 'postgres' ? await openPostgres(given) : await openRedis(given)
  const transport = rabbitmqTransport(() => connect(setting(settings, 'rabbitmq')), {
    queue: setting(settings, 'queue'),
    concurrency,
    prefetch: concurrency,
    delayStepsMs,
    decode: decodeIncoming,
  })
  const { start, close } = consuming(given, opened.store, transport)
  return {
    start,
    async close() {
      await close()
      await opened.close()
    },
  }
}
