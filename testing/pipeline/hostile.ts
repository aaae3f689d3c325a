import assert from 'node:assert/strict'
import { idempotent, openRuntime } from '../../src/index.js'
import { hostileKeys, hostileTexts } from '../hostile-texts.js'
import { seededRandom } from '../seeded-random.js'
import type { Outcome } from '../../src/index.js'
import type { Cases } from '../transports/stage.js'
import type { LineOptions, PipelineBench } from './line.js'

/** Longer than any header may be; with its own encoded beside it, longer than most brokers take. */
const longKeys = ['é'.repeat(200_000), `${'é'.repeat(200_000)}x`, 'k'.repeat(400_000)]

/** Keys as strangers make them. */
export function hostile({ leaseMs, random }: LineOptions): Cases<PipelineBench> {
  return {
    async 'two keys are never taken for one, nor one for two, whatever they hold, and those that fail come back'(stage) {
      const { bench, clock, consume, until, shortMs } = stage
      const keys = [...new Set([...hostileKeys, ...hostileTexts(seededRandom(4), 40), ...longKeys])]
      const effects = new Map<string, number>()
      const outcomes: Outcome[] = []
      const failing = new Set(keys.filter((_, index) => index % 3 === 0).concat(longKeys))
      const wrapped = idempotent(
        (key: string) => {
          if (failing.delete(key)) throw new Error(`not yet: ${key}`)
          effects.set(key, (effects.get(key) ?? 0) + 1)
        },
        {
          store: bench.store(),
          scope: 'suite',
          key: (key) => key,
          leaseMs,
          retryDelaysMs: [shortMs],
          windowMs: 3_600_000,
          runtime: openRuntime({ clock, random }),
          onOutcome: (outcome) => outcomes.push(outcome),
        },
      )
      const consumption = await consume(wrapped, { decode: (incoming) => incoming.json() as string })
      const bodies = keys.map((key) => ({ body: JSON.stringify(key) }))
      await bench.publish(bodies)
      const ended = (...statuses: readonly Outcome['status'][]): number => outcomes.filter(({ status }) => statuses.includes(status)).length
      // The empty one is no key.
      await until('each has taken effect', () => effects.size === keys.length - 1)
      await bench.publish(bodies)
      await until('each has come to its end twice', () => ended('handled', 'duplicate', 'dead-lettered') === 2 * keys.length)
      for (const [key, times] of effects) assert.equal(times, 1, `effects of ${JSON.stringify(key.slice(0, 300))}`)
      assert.deepEqual([ended('handled'), ended('dead-lettered')], [keys.length - 1, 2])
      assert.equal(consumption.status, 'running')
      assert.equal((await bench.deadLetters('one')).length, 2)
    },
  }
}
