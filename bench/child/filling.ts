import { Redis } from 'ioredis'
import { Client } from 'pg'
import { numberOf, setting } from '../contract.js'
import { keysOf, runPass } from './pass.js'
import type { Calls, Measured, Settings, Setup } from '../contract.js'
import type { Work } from './work.js'

/** Fills a place of its own with keys: what each of them weighs, and how fast new ones go beside them. */
export async function measureFilling(setup: Setup<Calls>, { name, settings }: Work): Promise<Measured> {
  const [concurrency, keys] = [numberOf(settings, 'concurrency'), numberOf(settings, 'keys')]
  let runs = 0
  const calls = await setup({ name, concurrency, settings, handle: async () => void (runs += 1), settled: () => undefined })
  // With the prefix and the scope in front of it, a key of 48 characters.
  const keyAt = keysOf('00000')
  const pass = (from: number, most: number, forMs: number) =>
    runPass({ call: calls.call, keyAt: (index) => keyAt(from + index), concurrency, most, forMs, timedEvery: 8 })
  const before = await weigh(name, settings)
  const fill = await pass(0, keys, Number.POSITIVE_INFINITY)
  const bytes = (await weigh(name, settings)) - before
  const more = await pass(keys, Number.POSITIVE_INFINITY, numberOf(settings, 'forMs'))
  await calls.close()
  const sent = fill.sent + more.sent
  const errors = fill.errors + more.errors
  return {
    measures: { bytesPerKey: bytes / keys, filling: fill.perSecond, new: more.perSecond, newP99Ms: more.p99Ms },
    wrong:
      errors > 0
        ? `${errors} calls were rejected, the first with ${fill.firstError ?? more.firstError}`
        : runs === sent
          ? undefined
          : `${runs} runs for ${sent} keys`,
  }
}

/** All that the server keeps, or the tables of this run with their indexes. */
async function weigh(name: string, settings: Settings): Promise<number> {
  if (settings['weighs'] === 'tables') {
    const client = new Client({ connectionString: setting(settings, 'postgres') })
    await client.connect()
    const { rows } = await client.query<{ bytes: string }>(
      'select coalesce(sum(pg_total_relation_size(oid)), 0)::text as bytes from pg_class where relkind = $1 and starts_with(relname, $2)',
      ['r', name],
    )
    await client.end()
    return Number(rows[0]?.bytes)
  }
  const client = new Redis(setting(settings, 'redis'))
  const told = /used_memory:(\d+)/.exec(await client.info('memory'))?.[1]
  client.disconnect()
  return Number(told)
}
