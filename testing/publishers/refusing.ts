import assert from 'node:assert/strict'
import { hasCode } from '../../src/index.js'
import { assertRefused, assertSame, readTexts, send } from './stage.js'
import type { Outgoing } from '../../src/index.js'
import type { PublisherCases } from './stage.js'

/** What becomes of a message that the broker will never take, and of those beside it. */
export function refusing(refused: (destination: string) => Outgoing): PublisherCases {
  return {
    async 'a message that will never be taken is refused, and the next ones are published'(bench) {
      const bad = refused(bench.destination)
      await assertRefused(bench.publisher.publish([{ ...bad, orderingKey: 'a' }]))
      await assertRefused(bench.publisher.publish([bad]))
      await send(bench, [{ body: 'same key', orderingKey: 'a' }, { body: 'other key', orderingKey: 'b' }, { body: 'no key' }])
      assertSame(await readTexts(bench), ['same key', 'other key', 'no key'])
    },

    async 'after a message that is refused, none of its key that follows it in the list is sent'(bench) {
      const { destination } = bench
      const bad = { ...refused(destination), orderingKey: 'a' }
      // Alone in its list, late in it, and first: each time with others of its key on both sides of it.
      for (const [round, { before, after }] of [
        { before: 1, after: 1 },
        { before: 40, after: 40 },
        { before: 0, after: 700 },
      ].entries()) {
        const named = (name: string, count: number): Outgoing[] =>
          Array.from({ length: count }, (_, index) => ({ destination, body: `${name} ${round}/${index}`, orderingKey: 'a' }))
        const others = Array.from({ length: 10 }, (_, index) => ({
          destination,
          body: `other ${round}/${index}`,
          orderingKey: `b${index}`,
        }))
        const follow = named('after', after).map((message) => ({ ...message, destination: bad.destination }))
        await assertRefused(
          bench.publisher.publish([...others.slice(5), ...named('before', before), bad, ...others.slice(0, 5), ...follow]),
        )
      }
      const texts = await readTexts(bench)
      assert.deepEqual(
        texts.filter((text) => text.startsWith('after')),
        [],
        'sent after one of their key was refused',
      )
      const before = texts.filter((text) => text.startsWith('before 1/'))
      assert.deepEqual(
        before,
        before.map((_, index) => `before 1/${index}`),
        'those before it: in order, and none left out in between',
      )
    },

    async 'a message that is refused fails no other key of its list for good'(bench) {
      const others = Array.from({ length: 30 }, (_, index) => ({ body: `m${index}`, orderingKey: `k${index}` }))
      const list = others.map((message) => ({ ...message, destination: bench.destination }))
      await assertRefused(
        bench.publisher.publish([...list.slice(0, 15), { ...refused(bench.destination), orderingKey: 'bad' }, ...list.slice(15)]),
      )
      // As a relay does that has to find out which one it was.
      for (const message of others) await send(bench, [message])
      assertSame(
        await readTexts(bench),
        others.map(({ body }) => body),
      )
    },

    async 'other callers are not told of it'(bench) {
      const texts = Array.from({ length: 40 }, (_, index) => `m${index}`)
      const publishing = texts.map((body) => send(bench, [{ body, orderingKey: body }]))
      const bad = bench.publisher.publish([refused(bench.destination)])
      const [, ...results] = await Promise.allSettled([
        bad,
        ...publishing,
        ...texts.map((text) => send(bench, [{ body: `later ${text}` }])),
      ])
      await assertRefused(bad)
      for (const result of results) {
        if (result.status === 'rejected') assert.ok(!hasCode(result.reason, 'publish-refused'), 'told of what somebody else published')
      }
      const found = new Set(await readTexts(bench))
      assert.deepEqual(
        texts.filter((text, index) => results[index]?.status === 'fulfilled' && !found.has(text)),
        [],
        'confirmed, and not there',
      )
    },
  }
}
