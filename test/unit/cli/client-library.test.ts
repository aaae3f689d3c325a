import { expect, test } from 'vitest'
import { needClients } from '../../../cli/demo/client-library.js'

const missing = (name: string, client: string) => ({ name, client, load: () => import(`${client}-that-nobody-has-installed`) })
const there = { name: 'Node', client: 'node:fs', load: () => import('node:fs') }

test('names every client that is to be installed', async () => {
  await expect(needClients([there])).resolves.toBeUndefined()
  await expect(needClients([missing('Kafka', 'kafkajs'), there])).rejects.toThrow('the demo needs kafkajs for Kafka: npm install kafkajs')
  await expect(needClients([missing('RabbitMQ', 'amqplib'), missing('MySQL', 'mysql2')])).rejects.toThrow(
    'the demo needs amqplib for RabbitMQ and mysql2 for MySQL: npm install amqplib mysql2',
  )
})

test('hands on what else is wrong with a client', async () => {
  const broken = { name: 'Kafka', client: 'kafkajs', load: () => Promise.reject(new Error('broken')) }
  await expect(needClients([broken])).rejects.toThrow('broken')
})
