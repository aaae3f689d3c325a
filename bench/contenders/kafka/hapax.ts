import { kafkaTransport } from 'hapax/transports/kafka'
import { setting } from '../../contract.js'
import { consuming, decodeIncoming, delayStepsMs } from '../consuming.js'
import { openStore } from '../redis/clients.js'
import { openKafka } from './client.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const { name, concurrency, settings } = given
  const opened = await openStore(given)
  const transport = kafkaTransport(openKafka(given), {
    topic: setting(settings, 'topic'),
    groupId: name,
    startFrom: 'earliest',
    concurrency,
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
