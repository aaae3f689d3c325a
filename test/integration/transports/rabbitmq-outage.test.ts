import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as amqpConnect } from 'amqplib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hasCode } from 'hapax'
import { startRabbitmq } from '../../services/rabbitmq.js'
import { makeHandler, marksOf, openLab, sleep, until, type Lab } from './rabbitmq-lab.js'
import { bothWays, openProxyTo } from '../../services/proxy.js'
import type { Server } from '../../services/server.js'

// A server of its own: this one is killed.
const port = Number(process.env['HAPAX_TEST_RABBITMQ_OUTAGE_PORT'] ?? 25_772)
const url = `amqp://guest:guest@127.0.0.1:${port}`
const dir = mkdtempSync(join(tmpdir(), 'hapax-rabbitmq-'))
const mostBytes = 60_000
let server: Server
let lab: Lab
let proxy: Awaited<ReturnType<typeof openProxyTo>>

beforeAll(async () => {
  const definitions = join(dir, 'definitions.json')
  const permission = (user: string, configure: string, write: string, read: string) => ({ user, vhost: '/', configure, write, read })
  writeFileSync(
    definitions,
    JSON.stringify({
      vhosts: [{ name: '/' }],
      users: ['guest', 'reader', 'stranger'].map((name) => ({ name, password: name, tags: name === 'guest' ? 'administrator' : '' })),
      permissions: [
        permission('guest', '.*', '.*', '.*'),
        permission('reader', '^$', '.*', '.*'),
        permission('stranger', '.*', '.*', '^$'),
      ],
    }),
  )
  server = await startRabbitmq({ port, dir, settings: [`max_message_size = ${mostBytes}`, `load_definitions = ${definitions}`] })
})
afterAll(async () => {
  await server?.kill()
  rmSync(dir, { recursive: true, force: true })
})
beforeEach(async () => {
  lab = await openLab({ url, queueType: 'quorum', keepsQueues: true })
  proxy = await openProxyTo(url, 5672)
})
afterEach(async () => {
  await lab.close()
  proxy.close()
})

/** Postpones every tenth message once, and acks; tries again as the core does. */
function counting(): { readonly handler: ReturnType<typeof makeHandler>; readonly settled: ReadonlySet<string> } {
  const settled = new Set<string>()
  const handler = makeHandler(async ({ text, delivery }) => {
    if (Number(text.slice(1)) % 10 === 0 && delivery.attempts === 0) {
      while (!delivery.takenAway) {
        try {
          return await delivery.postpone(200, marksOf(delivery, { attempts: 1 }))
        } catch {
          await sleep(50)
        }
      }
      return
    }
    await delivery.ack()
    settled.add(text)
  })
  return { handler, settled }
}

/** Sends on and on; what was confirmed has to arrive. */
function sending(): { readonly sent: readonly string[]; end(): Promise<void> } {
  const publisher = lab.transport({ publishTimeoutMs: 2_000 })
  const sent: string[] = []
  let going = true
  const sender = (async () => {
    for (let n = 0; going; n += 1) {
      const body = `m${n}`
      await publisher.publish([{ destination: lab.queue, body }]).then(
        () => sent.push(body),
        () => sleep(50),
      )
    }
  })()
  return {
    sent,
    async end() {
      going = false
      await sender
    },
  }
}

describe('a server that goes away', () => {
  it('killed and started again under load: held meanwhile, told once, nothing lost', async () => {
    const { handler, settled } = counting()
    const consumption = await lab.consume(handler)
    const load = sending()
    await until('some are settled', () => settled.size > 300)
    // What was declared in the seconds before can be lost.
    await sleep(2_500)
    await server.kill()
    await until('it is held', () => consumption.status === 'held')
    await server.restart()
    await until('it runs again', () => consumption.status === 'running', 60_000)
    const before = load.sent.length
    await until('more was sent', () => load.sent.length > before + 100, 60_000)
    await load.end()
    await until('all that was confirmed is settled', () => load.sent.every((text) => settled.has(text)), 60_000)
    expect(handler.kinds()).toEqual(['broker-away', 'recovered'])
  }, 180_000)

  it('stopped for a while, without a word: held, and goes on', async () => {
    const { handler, settled } = counting()
    const consumption = await lab.consume(handler)
    await lab.send(['m1'])
    await until('it is settled', () => settled.has('m1'))
    server.pause()
    try {
      await until('it is held', () => consumption.status === 'held', 40_000)
    } finally {
      server.resume()
    }
    await until('it runs again', () => consumption.status === 'running', 60_000)
    await lab.send(['m2'])
    await until('it is settled', () => settled.has('m2'), 60_000)
    expect(handler.kinds()).toEqual(['broker-away', 'recovered'])
  }, 180_000)

  it('does not keep a stop from ending in time: hung, or gone', async () => {
    const hanging = makeHandler(() => new Promise(() => undefined))
    await lab.send(['m'])
    for (const how of ['hung', 'gone'] as const) {
      const seen = hanging.seen.length
      const consumption = await lab.consume(hanging, { graceMs: 500 })
      await until('it runs', () => hanging.seen.length > seen)
      if (how === 'hung') server.pause()
      else await server.kill()
      const begun = Date.now()
      await consumption.stop()
      expect(Date.now() - begun).toBeLessThan(15_000)
      expect(consumption.status).toBe('stopped')
      if (how === 'hung') server.resume()
    }
    await expect(lab.transport().consume(hanging)).rejects.toThrow(/ECONNREFUSED/)
    await server.restart()
  }, 180_000)
})

describe('connections that are cut', () => {
  it('again and again under load: nothing lost', async () => {
    const { handler, settled } = counting()
    const consumption = await lab.consume(handler, { connect: () => amqpConnect(proxy.url) })
    const load = sending()
    for (let round = 1; round <= 5; round += 1) {
      const before = settled.size
      await until('some are settled', () => settled.size > before + 50)
      proxy.refuse()
      await until('it is held', () => consumption.status === 'held')
      proxy.mend()
      await until('it runs again', () => consumption.status === 'running')
    }
    await load.end()
    await until('all that was confirmed is settled', () => load.sent.every((text) => settled.has(text)))
    expect(handler.kinds()).toEqual(Array.from({ length: 5 }, () => ['broker-away', 'recovered']).flat())
  }, 120_000)

  it('a copy whose confirm is lost: nothing is acked, it is tried again, and both come', async () => {
    let failures = 0
    const handler = makeHandler(async ({ delivery }) => {
      if (delivery.attempts > 0) return delivery.ack()
      for (;;) {
        try {
          return await delivery.postpone(200, marksOf(delivery, { attempts: 1 }))
        } catch (error) {
          expect(hasCode(error, 'publish-refused')).toBe(false)
          failures += 1
        }
      }
    })
    await lab.consume(handler, { connect: () => amqpConnect(proxy.url) })
    proxy.cutAt('after', 'hapax-attempts')
    await lab.send(['m'])
    await until('two copies have come', () => handler.seen.filter(({ delivery }) => delivery.attempts === 1).length === 2)
    expect(failures).toBe(1)
    // Only the connection that publishes was cut.
    expect(handler.troubles).toEqual([])
  }, 60_000)

  it('a server whose answers do not get through: postponing rejects in time, and goes on afterwards', async () => {
    const failures: unknown[] = []
    const handler = makeHandler(async ({ delivery }) => {
      while (!delivery.takenAway) {
        try {
          if (delivery.attempts > 0) return await delivery.ack()
          if (failures.length === 0) proxy.hold(['answers'])
          return await delivery.postpone(200, marksOf(delivery, { attempts: 1 }))
        } catch (error) {
          failures.push(error)
          proxy.refuse()
          proxy.mend()
        }
      }
    })
    await lab.consume(handler, { connect: () => amqpConnect(proxy.url), publishTimeoutMs: 300 })
    await lab.send(['m'])
    await until('a copy has come', () => handler.seen.some(({ delivery }) => delivery.attempts === 1))
    expect((failures[0] as Error).message).toContain('did not confirm within 300 ms')
  }, 60_000)

  it('none is left open after a stop', async () => {
    const consumption = await lab.consume(makeHandler(), { connect: () => amqpConnect(proxy.url) })
    expect(proxy.connections).toBe(2)
    proxy.hold(bothWays)
    await consumption.stop()
    await until('all are closed', () => proxy.connections === 0)
  }, 60_000)
})

describe('what the server refuses', () => {
  it('a message that is too large: refused, and those beside it are only unknown', async () => {
    const publisher = lab.transport()
    const small = Array.from({ length: 20 }, (_, n) => ({ destination: lab.queue, body: `m${n}` }))
    const results = await Promise.allSettled([
      ...small.slice(0, 10).map((message) => publisher.publish([message])),
      publisher.publish([{ destination: lab.queue, body: 'x'.repeat(mostBytes + 1) }]),
      ...small.slice(10).map((message) => publisher.publish([message])),
    ])
    const refused = results.map((result) => result.status === 'rejected' && hasCode(result.reason, 'publish-refused'))
    expect(refused).toEqual([...small.slice(0, 10).map(() => false), true, ...small.slice(10).map(() => false)])
    await publisher.publish([{ destination: lab.queue, body: 'after' }])
    expect((await lab.read(lab.queue)).some(({ bytes }) => bytes.toString() === 'after')).toBe(true)
  }, 60_000)

  it('rights that are missing are named', async () => {
    const as = (user: string) => ({ connect: () => amqpConnect(`amqp://${user}:${user}@127.0.0.1:${port}`) })
    const refusal = (option: string, text: string) => (error: unknown) =>
      hasCode(error, 'configuration') && (error as { option?: string }).option === option && (error as Error).message.includes(text)
    await expect(lab.consume(makeHandler(), as('reader'))).rejects.toSatisfy(refusal('createQueues', 'must not create'))
    await (await lab.consume(makeHandler())).stop()
    // What is there need not be created.
    await (await lab.consume(makeHandler(), { ...as('reader'), createQueues: false })).stop()
    await expect(lab.consume(makeHandler(), { ...as('stranger'), createQueues: false })).rejects.toSatisfy(
      refusal('retryQueuePrefix', 'grant read'),
    )
    await expect(lab.consume(makeHandler(), as('nobody'))).rejects.toThrow(/ACCESS.REFUSED/)
  }, 60_000)
})
