import { afterEach, expect, it } from 'vitest'
import { makeHandler, mortalKafka, openLab, sleep, until, type Lab, type LabOptions } from './kafka-lab.js'

const labs: Lab[] = []
const lab = async (options?: LabOptions): Promise<Lab> => {
  const opened = await openLab(options)
  labs.push(opened)
  return opened
}
afterEach(async () => {
  await Promise.all(labs.splice(0).map((each) => each.close()))
})

it('keeps what runs, and loses nothing, when members join and leave', async () => {
  const { send, consume, committed } = await lab({ partitions: 4 })
  const finished: string[] = []
  const handlers = [0, 1, 2].map(() =>
    makeHandler(async ({ text, delivery }) => {
      await sleep(20 + Math.random() * 30)
      await delivery.ack()
      finished.push(text)
    }),
  )
  let sent = 0
  const sendMore = async (): Promise<void> => {
    await send(Array.from({ length: 400 }, (_, n) => ({ value: `m${sent + n}`, key: `k${n % 50}` })))
    sent += 400
  }
  /** However long it takes to join, there is something left to do. */
  const whileBusy = async (what: string, condition: () => boolean): Promise<void> =>
    until(what, async () => {
      if (sent - finished.length < 400) await sendMore()
      return condition()
    })
  await sendMore()
  await consume(handlers[0]!, { startFrom: 'earliest' })
  await whileBusy('it runs', () => finished.length > 50)
  const joined = consume(handlers[1]!, { startFrom: 'earliest' })
  await whileBusy('the other one runs', () => handlers[1]!.seen.length > 50)
  const second = await joined
  const third = await consume(handlers[2]!, { startFrom: 'earliest' })
  await second.stop()
  await until('all are finished', () => new Set(finished).size === sent)
  await third.stop()
  await until('all is committed', async () => (await committed()).reduce((sum, each) => sum + each, 0) === sent)
  expect(handlers.flatMap(({ troubles }) => troubles)).toEqual([])
})

it('aborts what was taken away, and ignores how that is settled', async () => {
  const { send, consume, committed } = await lab({ partitions: 2 })
  let settle: (() => void) | undefined
  const released = new Promise<void>((resolve) => (settle = resolve))
  const first = makeHandler(async ({ delivery }) => {
    await released
    await delivery.ack()
  })
  await send([
    { value: 'p0', partition: 0 },
    { value: 'p1', partition: 1 },
  ])
  await consume(first, { startFrom: 'earliest' })
  await until('both run', () => first.seen.length === 2)
  const second = makeHandler(() => new Promise(() => undefined))
  await consume(second, { startFrom: 'earliest', graceMs: 0 })
  await until('one of them came to the other member', () => second.seen.length === 1)
  const taken = first.seen.find(({ text }) => text === second.seen[0]?.text)
  const kept = first.seen.find(({ text }) => text !== second.seen[0]?.text)
  expect(taken?.delivery.signal.aborted).toBe(true)
  expect(kept?.delivery.signal.aborted).toBe(false)
  expect(second.seen[0]?.delivery.redelivered).toBeUndefined()
  settle?.()
  const keptPartition = kept?.text === 'p0' ? 0 : 1
  await until('what was kept is committed', async () => (await committed())[keptPartition] === 1)
  await sleep(1_500)
  expect((await committed())[1 - keptPartition]).toBe(0)
})

it('goes on with a partition that was paused when it was taken away', async () => {
  const { send, consume, committed } = await lab({ partitions: 2 })
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  const first = makeHandler(async ({ delivery }) => {
    await opened
    await delivery.ack()
  })
  await consume(first, { startFrom: 'earliest', maxAhead: 5 })
  for (let round = 0; round < 4; round += 1) {
    await send(Array.from({ length: 100 }, (_, n) => ({ value: `m${round * 100 + n}`, partition: n % 2 })))
  }
  await until('it has all that it wants', () => first.seen.length === 10)
  await sleep(1_500)
  const second = makeHandler(() => new Promise(() => undefined))
  const leaving = await consume(second, { startFrom: 'earliest', maxAhead: 5, graceMs: 0 })
  await until('one partition moved', () => second.seen.length === 5)
  await leaving.stop()
  open()
  await until('all is committed', async () => (await committed()).join() === '200,200')
})

it('shows every one of 5,000 messages to three members, of which one crashes', async () => {
  const { send, consume, broker } = await lab({ partitions: 6 })
  const mortal = mortalKafka(broker)
  const settled = new Set<string>()
  let crashed = false
  const handlers = [0, 1, 2].map((member) =>
    makeHandler(async ({ text, delivery }) => {
      await sleep(1)
      // What a killed process does takes no effect.
      if (member === 0 && crashed) return new Promise(() => undefined)
      await delivery.ack()
      settled.add(text)
    }),
  )
  const values = Array.from({ length: 5_000 }, (_, n) => `m${n}`)
  const options = { startFrom: 'earliest', sessionTimeoutMs: 6_000, graceMs: 0 } as const
  await Promise.all([
    consume(handlers[0]!, { ...options, client: mortal.kafka }),
    consume(handlers[1]!, options),
    consume(handlers[2]!, options),
  ])
  for (let from = 0; from < 5_000; from += 500) {
    await send(values.slice(from, from + 500).map((value, n) => ({ value, key: `k${n % 97}` })))
    if (from === 2_000) {
      await until('the mortal one has handled some', () => handlers[0]!.seen.length > 100)
      crashed = true
      mortal.kill()
    }
  }
  await until('all are settled', () => settled.size === 5_000, 60_000)
})

it('replaces a consumer whose connections died without a word', async () => {
  const { send, consume, broker } = await lab()
  const mortal = mortalKafka(broker)
  const settled = new Set<string>()
  const handler = makeHandler(async ({ text, delivery }) => {
    await delivery.ack()
    settled.add(text)
  })
  const consumption = await consume(handler, { startFrom: 'earliest', client: mortal.kafka, sessionTimeoutMs: 6_000 })
  await send([{ value: 'before' }])
  await until('it is settled', () => settled.has('before'))
  mortal.cutSilently()
  await send([{ value: 'after' }])
  await until('the next one is settled', () => settled.has('after'), 25_000)
  expect(consumption.status).toBe('running')
})
