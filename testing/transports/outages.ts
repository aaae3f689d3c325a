import assert from 'node:assert/strict'
import { hasAll, messages, texts } from './stage.js'
import type { Cases, TransportBench } from './stage.js'

/** The broker goes away and comes back. */
export function outages(away: (isAway: boolean) => Promise<void> | void): Cases<TransportBench> {
  return {
    async 'a broker that goes away is waited for: nothing is lost, and the status says so'({
      bench,
      handler,
      consume,
      until,
      gate,
      drive,
      passTime,
      quietMs,
    }) {
      const held = gate()
      const receiver = handler(async (delivery) => {
        if (delivery.incoming.text() === 'a1') await held.opened
        await delivery.ack()
      })
      const consumption = await consume(receiver)
      await bench.publish(messages(...texts('a', 10)))
      await until('all have come', () => hasAll(receiver.texts, texts('a', 10)))
      await drive(Promise.resolve(away(true)))
      try {
        await until('consuming is held', () => consumption.status === 'held')
        held.open()
        await passTime(quietMs)
      } finally {
        await drive(Promise.resolve(away(false)))
      }
      await until('consuming goes on', () => consumption.status === 'running')
      await bench.publish(messages(...texts('b', 10)))
      await until('the next ones have come', () => hasAll(receiver.texts, texts('b', 10)))
      assert.equal(consumption.status, 'running')
    },
  }
}
