import assert from 'node:assert/strict'
import { readText } from '../../src/index.js'
import { send } from './stage.js'
import type { PublisherCases } from './stage.js'

/** Where the consumer is told the ordering key. */
export const travelling: PublisherCases = {
  async 'the ordering key travels'(bench) {
    const keys = ['a', 'order 17', 'Grüße 🎉', 'constructor', 'x'.repeat(300)]
    await send(bench, [...keys.map((key) => ({ body: `of ${key}`, orderingKey: key })), { body: 'of nobody' }])
    const found = new Map((await bench.read()).map((message) => [readText(message.bytes), message.orderingKey]))
    for (const key of keys) assert.equal(found.get(`of ${key}`), key)
    assert.ok(found.has('of nobody'), 'the message without a key')
    assert.equal(found.get('of nobody'), undefined)
  },
}
