import { Redis } from 'ioredis'
import { test } from 'vitest'
import { redisStore } from 'hapax/stores/redis'
import { pipelineSuite } from 'hapax/testing'
import { redisUrl } from '../services/places.js'
import { openLab } from './transports/kafka-lab.js'
import type { PipelineBench } from 'hapax/testing'

const delaysMs = [200, 1_000] as const

/** Kafka and Redis together, each process with connections of its own. */
async function open(): Promise<PipelineBench> {
  const lab = await openLab({ partitions: 3 })
  const clients: Redis[] = []
  const idOf = (groupId: string): string => `${groupId}-${lab.groupId}`
  return {
    store() {
      const client = new Redis(redisUrl)
      clients.push(client)
      return redisStore(client, { prefix: `${lab.topic}:` })
    },
    transport: ({ groupId, ...asked }) =>
      lab.transport({ ...asked, groupId: idOf(groupId), startFrom: 'earliest', delayStepsMs: delaysMs, sessionTimeoutMs: 6_000 }),
    publish: (messages) => lab.publish(messages.map((message) => ({ ...message, destination: lab.topic }))),
    deadLetters: (groupId) => lab.deadLetters(`${lab.topic}.${idOf(groupId)}.dlt`),
    async close() {
      await lab.close()
      await Promise.all(clients.map((client) => client.quit()))
    },
  }
}

for (const each of pipelineSuite({ open, delaysMs, leaseMs: 3_000 })) test(`Kafka and Redis: ${each.name}`, each.run)
