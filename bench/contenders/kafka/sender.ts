/** Who sends in the scenario of a steady load. */
import { Partitioners } from 'kafkajs'
import { setting } from '../../contract.js'
import { openKafka } from './client.js'
import { encode } from './messages.js'
import type { Sender } from '../../child/sending.js'
import type { Setup } from '../../contract.js'

export const setup: Setup<Sender> = async (given) => {
  const topic = setting(given.settings, 'topic')
  const producer = openKafka(given).producer({ createPartitioner: Partitioners.DefaultPartitioner })
  return {
    start: () => producer.connect(),
    send: async (ids) => void (await producer.send({ topic, messages: ids.map((id) => ({ key: id, value: encode(id) })) })),
    close: () => producer.disconnect(),
  }
}
