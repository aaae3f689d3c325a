import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { DeadLetterError, idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { metrics, watchConsumption } from '../../examples/prometheus.js'

test('outcomes are counted, timed, and the consumption is watched', async () => {
  const registry = new Registry()
  const broker = memoryBroker()
  const orders = memoryTransport(broker, { topic: 'orders', groupId: 'billing', decode: (incoming) => incoming.text() })
  const handler = idempotent(
    (order: string) => {
      if (order === 'bad') throw new DeadLetterError('nobody can handle this')
    },
    { store: memoryStore(), scope: 'billing.charge', key: (order) => order, ...metrics(registry) },
  )
  const consumption = await orders.consume(handler)
  watchConsumption(consumption, registry)

  for (const bodies of [['a', 'b', 'bad'], ['a'], ['a']]) {
    await broker.publish(bodies.map((body) => ({ destination: 'orders', body })))
    await broker.idle()
  }
  const read = await registry.metrics()
  expect(read).toContain('hapax_outcomes_total{scope="billing.charge",outcome="handled"} 2')
  expect(read).toContain('hapax_outcomes_total{scope="billing.charge",outcome="duplicate"} 2')
  expect(read).toContain('hapax_outcomes_total{scope="billing.charge",outcome="dead-lettered"} 1')
  expect(read).toContain('hapax_delivery_seconds_count{scope="billing.charge",outcome="handled"} 2')
  expect(read).toContain('hapax_consuming 1')

  broker.away(true)
  expect(await registry.metrics()).toContain('hapax_consuming 0')
  broker.away(false)
  await consumption.stop()
  expect(await registry.metrics()).toContain('hapax_consuming 0')
})
