import { test } from 'vitest'
import { connect } from 'amqplib'
import { publisherSuite } from '../../../testing/publisher-suite.js'
import { transportSuite } from '../../../testing/transport-suite.js'
import { openProxyTo } from '../../services/proxy.js'
import { openLab, orderingKeyOf, textsOf } from './rabbitmq-lab.js'
import { rabbitmqUrl } from '../../services/places.js'
import type { TransportBench } from '../../../testing/transport-suite.js'
import type { Proxy } from '../../services/proxy.js'
import type { PublisherBench } from '../../../testing/publisher-suite.js'

const delaysMs = [200, 1_000] as const
let proxy: Proxy | undefined

async function open(): Promise<TransportBench> {
  const lab = await openLab()
  const own = await openProxyTo(rabbitmqUrl, 5672)
  proxy = own
  const queueOf = (groupId: string): string => `${lab.queue}.${groupId}`
  await lab.bind(queueOf('one'))
  await lab.bind(queueOf('two'))
  return {
    transport: ({ groupId, ...asked }) =>
      lab.transport({ ...asked, queue: queueOf(groupId), delayStepsMs: delaysMs, connect: () => connect(own.url) }),
    publish: lab.publish,
    async deadLetters(groupId) {
      const letters = await lab.read(`${queueOf(groupId)}.dlq`).catch(() => [])
      return letters.map(({ bytes, headers }) => ({ bytes, headers: textsOf(headers), orderingKey: orderingKeyOf(headers) }))
    },
    async close() {
      await lab.close()
      own.close()
    },
  }
}

async function openPublisher(): Promise<PublisherBench> {
  const lab = await openLab()
  const publisher = lab.transport()
  return {
    publisher,
    destination: lab.queue,
    read: async () =>
      (await lab.read(lab.queue)).map(({ bytes, headers }) => ({ bytes, headers: textsOf(headers), orderingKey: orderingKeyOf(headers) })),
    closePublisher: () => publisher.close(),
    close: () => lab.close(),
  }
}

const away = (isAway: boolean): void => (isAway ? proxy?.refuse() : proxy?.mend())

for (const each of transportSuite({ open, away, delaysMs })) test(`transport: ${each.name}`, each.run)

// More than amqplib can write. Only this is refused without closing the channel.
const tooManyHeaders = (destination: string) => ({ destination, body: 'x', headers: { big: 'x'.repeat(70_000) } })
for (const each of publisherSuite({ open: openPublisher, refused: tooManyHeaders })) test(`publisher: ${each.name}`, each.run)
const noSuchQueue = () => ({ destination: 'no such queue', body: 'x' })
for (const each of publisherSuite({ open: openPublisher, refused: noSuchQueue })) {
  if (/refused/.test(each.name)) test(`publisher, refused by the server: ${each.name}`, each.run)
}
