import { test } from 'vitest'
import { memoryStore } from '../../../adapters/stores/memory.js'
import { pipelineSuite } from '../../../testing/pipeline-suite.js'
import { transportSuite } from '../../../testing/transport-suite.js'
import { mortalKafka, openLab, testBroker, type MortalKafka } from './kafka-lab.js'
import type { PipelineBench } from '../../../testing/pipeline-suite.js'

const delaysMs = [200, 1_000] as const
let clients: MortalKafka[] = []

async function open(): Promise<PipelineBench> {
  const lab = await openLab({ partitions: 3 })
  const store = memoryStore()
  const idOf = (groupId: string): string => `${groupId}-${lab.groupId}`
  clients = []
  return {
    store: () => store,
    transport({ groupId, ...asked }) {
      const client = mortalKafka(testBroker)
      clients.push(client)
      return lab.transport({
        ...asked,
        client: client.kafka,
        groupId: idOf(groupId),
        startFrom: 'earliest',
        delayStepsMs: delaysMs,
        sessionTimeoutMs: 6_000,
      })
    },
    publish: (messages) => lab.publish(messages.map((message) => ({ ...message, destination: lab.topic }))),
    deadLetters: (groupId) => lab.deadLetters(`${lab.topic}.${idOf(groupId)}.dlt`),
    close: () => lab.close(),
  }
}

function away(isAway: boolean): void {
  for (const client of clients) {
    if (isAway) client.kill()
    else client.revive()
  }
}

for (const each of transportSuite({ open, away, delaysMs })) test(`transport: ${each.name}`, each.run)
for (const each of pipelineSuite({ open, delaysMs })) test(`pipeline with a memory store: ${each.name}`, each.run)
