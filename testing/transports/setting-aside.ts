import assert from 'node:assert/strict'
import { messages } from './stage.js'
import { inTurn, marksOf } from './scripted-handler.js'
import type { Cases, TransportBench } from './stage.js'

/** Dead letters. */
export const settingAside: Cases<TransportBench> = {
  async 'a dead letter is the message with the reason and the marks, in its own group'({ bench, handler, consume, until, shortMs }) {
    const body = Uint8Array.of(0xff, 0, 1, 0x80)
    const receiver = handler(
      inTurn(
        (delivery) => delivery.postpone(shortMs, marksOf({ attempts: 1 })),
        async (delivery) => {
          await delivery.deadLetter('the card is\nbroken: ✂', marksOf({ key: 'order ü', attempts: 2, postponements: 4 }))
          await delivery.ack()
        },
      ),
    )
    const other = handler()
    await consume(receiver, { groupId: 'one' })
    await consume(other, { groupId: 'two' })
    await bench.publish([{ body, headers: { 'trace-id': 'trace 1' }, id: 'message-1', orderingKey: 'customer 1' }])
    await until('the dead letter is there', async () => (await bench.deadLetters('one')).length > 0)
    const letters = await bench.deadLetters('one')
    const [letter] = letters
    assert.ok(letter && letters.length === 1, `there are ${letters.length} dead letters`)
    assert.deepEqual(Uint8Array.from(letter.bytes), body)
    assert.equal(letter.orderingKey, 'customer 1')
    const wanted = {
      'trace-id': 'trace 1',
      'hapax-id': 'message-1',
      'hapax-reason': 'the card is broken: ✂',
      'hapax-scope': 'suite',
      'hapax-key': 'order%20%C3%BC',
      'hapax-attempts': '2',
      'hapax-postponements': '4',
    }
    for (const [name, value] of Object.entries(wanted)) assert.equal(letter.headers[name], value, `header ${name}`)
    assert.equal(letter.headers['hapax-due'], undefined, 'marks of an earlier copy are not copied on')
    await until('the other group has the message', () => other.seen.length > 0)
    assert.deepEqual(await bench.deadLetters('two'), [])
  },

  async 'a dead letter that has no key, and a long reason, is set aside all the same'({ bench, handler, consume, until }) {
    const reason = `could not be read: ${'x'.repeat(20_000)}`
    const receiver = handler(async (delivery) => {
      await delivery.deadLetter(reason, marksOf({ key: undefined }))
      await delivery.ack()
    })
    await consume(receiver)
    await bench.publish([{ body: '' }])
    await until('the dead letter is there', async () => (await bench.deadLetters('one')).length > 0)
    const [letter] = await bench.deadLetters('one')
    assert.ok(letter)
    assert.ok(letter.headers['hapax-reason']?.startsWith('could not be read: xxx'))
    assert.equal(letter.headers['hapax-key'], undefined)
    assert.equal(letter.bytes.length, 0)
  },

  async 'setting aside does not ack'({ bench, handler, consume, until, stop }) {
    const careless = handler((delivery) => delivery.deadLetter('broken', marksOf()))
    const careful = handler()
    await bench.publish(messages('a'))
    const first = await consume(careless)
    await until('the dead letter is there', async () => (await bench.deadLetters('one')).length > 0)
    await stop(first)
    await consume(careful)
    await until('it has come again', () => careful.seen.length > 0)
    assert.deepEqual(careful.texts, ['a'])
  },
}
