// #region set-up
import { expect, test } from 'vitest'
import { openRuntime } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { manualClock } from 'hapax/testing'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'
import { welcome } from '../../examples/test-your-handler.js'
import type { SignUp, Welcoming } from '../../examples/test-your-handler.js'

const place = { topic: 'sign-ups', groupId: 'mail' }

async function open(send: Welcoming['send']) {
  const clock = manualClock()
  const broker = memoryBroker({ clock })
  const handler = welcome({ store: memoryStore({ clock }), send, runtime: openRuntime({ clock }) })
  const signUps = memoryTransport(broker, { ...place, decode: (incoming) => incoming.json() as SignUp })
  const consumption = await signUps.consume(handler)
  return {
    broker,
    consumption,
    publish: (signUp: SignUp) => broker.publish([{ destination: 'sign-ups', body: JSON.stringify(signUp) }]),
    /** Until nothing is left to do. Pauses pass at once. */
    idle: () => broker.idle({ passTime: clock.advance }),
  }
}
// #endregion

// #region once
test('who signs up gets one mail, however often the message comes', async () => {
  const mails: string[] = []
  const { broker, publish, idle, consumption } = await open(async (address) => void mails.push(address))
  // The broker stores everything twice, and forgets half of the acks.
  broker.setFaults({ duplicate: 1, loseAck: 0.5 })
  await publish({ userId: 'ann', address: 'ann@example.com' })
  await publish({ userId: 'bob', address: 'bob@example.com' })
  await idle()
  expect(mails.toSorted()).toEqual(['ann@example.com', 'bob@example.com'])
  await consumption.stop()
})
// #endregion

// #region retry
test('a mail that fails is sent again after a pause', async () => {
  let failures = 2
  const mails: string[] = []
  const { broker, publish, idle, consumption } = await open(async (address) => {
    if (failures-- > 0) throw new Error('mailbox busy')
    mails.push(address)
  })
  await publish({ userId: 'ann', address: 'ann@example.com' })
  await idle()
  expect(mails).toEqual(['ann@example.com'])
  expect(broker.deadLetters(place)).toEqual([])
  await consumption.stop()
})
// #endregion

// #region dead-letter
test('a mail that cannot be sent becomes a dead letter, and can be replayed', async () => {
  let works = false
  const mails: string[] = []
  const { broker, publish, idle, consumption } = await open(async (address) => {
    if (!works) throw new Error('no such mailbox')
    mails.push(address)
  })
  await publish({ userId: 'ann', address: 'ann@example.com' })
  await idle()
  const [letter] = broker.deadLetters(place)
  expect(letter).toMatchObject({ key: 'ann', attempts: 3, reason: 'failed 3 times: no such mailbox' })

  works = true
  await broker.replay(place)
  await idle()
  expect(mails).toEqual(['ann@example.com'])
  expect(broker.deadLetters(place)).toEqual([])
  await consumption.stop()
})
// #endregion
