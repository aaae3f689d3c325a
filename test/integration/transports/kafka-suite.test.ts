import { test } from 'vitest'
import { transportSuite } from '../../../testing/transport-suite.js'
import { mortalKafka, openLab, testBroker, type MortalKafka } from './kafka-lab.js'
import type { TransportBench } from '../../../testing/transport-suite.js'

const delaysMs = [200, 1_000] as const
let clients: MortalKafka[] = []

async function open(): Promise<TransportBench> {
  const lab = await openLab({ partitions: 3 })
  const idOf = (groupId: string): string => `${groupId}-${lab.groupId}`
  clients = []
  return {
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
