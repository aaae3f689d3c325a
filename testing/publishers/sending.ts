import assert from 'node:assert/strict'
import { idHeader, readText } from '../../src/index.js'
import { assertRefused, assertSame, readTexts, send } from './stage.js'
import type { PublisherCases } from './stage.js'

const bigBytes = 200_000

/** What arrives, and as what. */
export const sending: PublisherCases = {
  async 'all messages are there when publish resolves'(bench) {
    const texts = Array.from({ length: 300 }, (_, index) => `m${index}`)
    await send(
      bench,
      texts.map((body, index) => ({ body, ...(index % 2 === 0 && { orderingKey: `k${index % 14}` }) })),
    )
    assertSame(await readTexts(bench), texts)
  },

  async 'an empty list resolves, and publishes nothing'(bench) {
    await bench.publisher.publish([])
    assert.deepEqual(await bench.read(), [])
  },

  async 'bodies arrive as they were: text, bytes, part of a buffer, nothing'(bench) {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const bodies = ['Grüße, 世界 🎉\u0000\n', bytes, bytes.subarray(100, 103), '', new Uint8Array(0)]
    await send(
      bench,
      bodies.map((body, index) => ({ body, headers: { place: String(index) } })),
    )
    const found = new Map((await bench.read()).map((message) => [message.headers['place'], message.bytes]))
    for (const [index, body] of bodies.entries()) {
      const wanted = typeof body === 'string' ? new TextEncoder().encode(body) : body
      assert.deepEqual([...(found.get(String(index)) ?? assert.fail(`body ${index} is missing`))], [...wanted], `body ${index}`)
    }
  },

  async 'big bodies arrive whole'(bench) {
    const bodies = ['a', 'b', 'c', 'd'].map((text) => text.repeat(bigBytes))
    await send(
      bench,
      bodies.map((body) => ({ body, orderingKey: 'big' })),
    )
    assert.ok((await readTexts(bench)).join() === bodies.join(), 'what arrived is not what was sent, or in another order')
  },

  async 'headers travel as they are'(bench) {
    const headers = { trace: 'abc-1', 'x.y_z': 'ünï ✓', empty: '', long: 'x'.repeat(1_000), lines: 'a\r\nb' }
    await send(bench, [{ body: 'with', headers }, { body: 'without' }])
    const found = new Map((await bench.read()).map((message) => [readText(message.bytes), message.headers]))
    for (const [name, value] of Object.entries(headers)) {
      assert.equal(found.get('with')?.[name], value, `header ${name}`)
      assert.equal(found.get('without')?.[name], undefined, `header ${name}`)
    }
  },

  async 'an id travels as the header hapax-id'(bench) {
    await send(bench, [{ body: 'named', id: 'order 17/ü', headers: { trace: 'abc' }, orderingKey: 'k' }, { body: 'nameless' }])
    const found = new Map((await bench.read()).map((message) => [readText(message.bytes), message.headers]))
    assert.equal(found.get('named')?.[idHeader], 'order 17/ü')
    assert.equal(found.get('named')?.['trace'], 'abc')
    assert.equal(found.get('nameless')?.[idHeader], undefined)
  },

  async 'what is no message is refused'(bench) {
    await assertRefused(bench.publisher.publish([{ destination: '', body: 'm' }]))
    await assertRefused(send(bench, [{ body: 17 as never }]))
    await send(bench, [{ body: 'after' }])
    assert.deepEqual(await readTexts(bench), ['after'])
  },

  async 'many callers publish side by side'(bench) {
    const callers = Array.from({ length: 200 }, (_, index) => [`one ${index}`, `two ${index}`])
    await Promise.all(
      callers.map((texts, index) =>
        send(
          bench,
          texts.map((body) => ({ body, orderingKey: `k${index % 10}` })),
        ),
      ),
    )
    assertSame(await readTexts(bench), callers.flat())
  },

  async 'closing settles what is being published, and what was confirmed is there'(bench) {
    await send(bench, [{ body: 'before' }])
    const texts = Array.from({ length: 300 }, (_, index) => `m${index}`)
    const publishing = Promise.allSettled(texts.map((body) => send(bench, [{ body, orderingKey: body }])))
    await bench.closePublisher()
    const results = await publishing
    const confirmed = texts.filter((_, index) => results[index]?.status === 'fulfilled')
    const found = new Set(await readTexts(bench))
    assert.deepEqual(
      ['before', ...confirmed].filter((text) => !found.has(text)),
      [],
      'confirmed, and not there',
    )
  },
}
