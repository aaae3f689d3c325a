/** The relay of Hapax, from PostgreSQL to Kafka. */
import { postgresOutbox } from 'hapax/stores/postgres'
import { kafkaPublisher } from 'hapax/transports/kafka'
import { numberOf, setting } from '../../contract.js'
import { openKafka } from '../kafka/client.js'
import { encode, idOf } from '../kafka/messages.js'
import { openPool } from '../postgres/pool.js'
import type { Outgoing } from 'hapax'
import type { Setup, Stream } from '../../contract.js'

const inOneTransaction = 500

export const setup: Setup<Stream> = async (given) => {
  const { name, settings, settled } = given
  const pool = openPool(given)
  const outbox = postgresOutbox(pool, { table: name })
  await outbox.applySchema()
  const destination = setting(settings, 'topic')
  const messages = Array.from({ length: numberOf(settings, 'messages') }, (_, index): Outgoing => {
    const id = idOf(name, index)
    return { destination, orderingKey: id, body: encode(id) }
  })
  for (let from = 0; from < messages.length; from += inOneTransaction) {
    const client = await pool.connect()
    await client.query('begin')
    await outbox.send(client, messages.slice(from, from + inOneTransaction))
    await client.query('commit')
    client.release()
  }
  const publisher = kafkaPublisher(openKafka(given))
  let stop: (() => Promise<void>) | undefined
  return {
    async start() {
      const relay = await outbox.relay({
        async publish(list) {
          settled(0)
          await publisher.publish(list)
          settled(list.length)
        },
      })
      stop = () => relay.stop()
    },
    async close() {
      await stop?.()
      await publisher.close()
      await pool.end()
    },
  }
}
