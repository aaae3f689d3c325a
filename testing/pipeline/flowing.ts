import assert from 'node:assert/strict'
import { DeadLetterError } from '../../src/index.js'
import { keyOf, openLine, unreadableKey } from './line.js'
import { roundingMs, texts } from '../transports/stage.js'
import type { LineOptions, PipelineBench, Run } from './line.js'
import type { Cases } from '../transports/stage.js'

/** Everybody lives: duplicates, failures and what cannot be handled. */
export function flowing(options: LineOptions): Cases<PipelineBench> {
  return {
    async 'once per key, however often and wherever its messages come'(stage) {
      const line = openLine(stage, options)
      const [next, far, same, mixed] = [texts('next', 10), texts('far', 10), texts('same', 5), texts('mixed', 5)]
      const pausing = {
        handle: async ({ pause, effect }: Run) => {
          await pause(5)
          effect()
        },
      }
      await line.publish(next.flatMap((key) => [key, key, key]))
      const workers = [await line.work('one', pausing), await line.work('two', pausing)]
      await line.warmUp(...workers)
      await line.publish(far)
      await line.publish(
        same.flatMap((key) => [key, key, key]),
        'all behind each other',
      )
      await Promise.all(mixed.map((key) => line.publish([key, key, key])))
      await line.publish(far)
      await line.untilSettled()
      await line.publish(far)
      await line.untilSettled()
      for (const key of [...next, ...far, ...same, ...mixed]) {
        assert.equal(line.effectsOf(key).length, 1, `effects of ${key}`)
        const statuses = line.outcomes(key).map(({ status }) => status)
        assert.equal(statuses.filter((status) => status === 'handled').length, 1, `${key} came to ${statuses.join()}`)
        assert.equal(statuses.filter((status) => status === 'duplicate').length, 2, `${key} came to ${statuses.join()}`)
      }
      assert.ok(line.runs.every(({ attempt }) => attempt === 1))
      await line.assertNothingLeft()
    },

    async 'two handlers on two groups of one topic do not take each other for duplicates'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 10)
      await line.work('one', { groupId: 'one', scope: 'suite.one' })
      await line.work('two', { groupId: 'two', scope: 'suite.two' })
      await line.publish([...keys, ...keys])
      await stage.until('both have done all', () => line.effects.length >= 20)
      await line.untilSettled()
      for (const worker of ['one', 'two']) {
        const done = line.effects.filter((effect) => effect.worker === worker).map(({ key }) => key)
        assert.deepEqual(done.toSorted(byText), keys.toSorted(byText))
      }
    },

    async 'what fails and succeeds later takes effect once, and only failures are attempts'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 8)
      const failing = new Set(keys.slice(0, 4))
      const handle = async ({ key, attempt, pause, effect }: Run): Promise<void> => {
        await pause(30)
        if (failing.has(key) && attempt < 3) throw new Error('not yet')
        effect()
      }
      await line.work('one', { handle })
      await line.work('two', { handle })
      await line.publish([...keys, ...keys])
      await line.untilSettled()
      for (const key of keys) {
        const attempts = line.runs.filter((run) => run.key === key).map(({ attempt }) => attempt)
        assert.deepEqual(attempts, failing.has(key) ? [1, 2, 3] : [1], `attempts of ${key}`)
        assert.equal(line.effectsOf(key).length, 1, `effects of ${key}`)
        const begunMs = line.runs.filter((run) => run.key === key).map(({ atMs }) => atMs)
        const pausesMs = begunMs.slice(1).map((atMs, index) => atMs - (begunMs[index] ?? 0))
        assert.ok(
          pausesMs.every((ms) => ms >= stage.shortMs - roundingMs),
          `${key} ran again after ${pausesMs.join()} ms: a copy outran the back-off`,
        )
      }
      assert.deepEqual(await stage.bench.deadLetters('one'), [])
      await line.assertNothingLeft()
    },

    async 'waiting for a busy key is no attempt, however often it is put off'(stage) {
      const line = openLine(stage, options)
      const held = stage.gate()
      const handle = async ({ key, reach, effect }: Run): Promise<void> => {
        if (key === 'slow') await reach(held.opened)
        effect()
      }
      const workers = [await line.work('one', { handle }), await line.work('two', { handle })]
      await line.warmUp(...workers)
      await stage.until('a copy has been put off three times', async () => {
        await line.publish(['slow'])
        await stage.passTime(options.leaseMs / 4)
        return line.outcomes('slow').some(({ postponements }) => postponements >= 3)
      })
      assert.ok(line.outcomes('slow').every(({ attempts, status }) => attempts === 0 && status === 'postponed'))
      held.open()
      await line.untilSettled()
      assert.deepEqual(
        line.runs.filter(({ key }) => key === 'slow').map(({ attempt }) => attempt),
        [1],
      )
      await line.assertNothingLeft()
    },

    async 'dead letters are what cannot be handled, and nothing else'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 10)
      const handle = ({ key, effect }: Run): void => {
        if (key === 'poison') throw new Error('never')
        if (key === 'refused') throw new DeadLetterError('not for us')
        effect()
      }
      await line.work('one', { handle, maxAttempts: 3 })
      await line.work('two', { handle, maxAttempts: 3 })
      await line.publish(['poison', ...keys, 'refused', unreadableKey, ...keys])
      await line.untilSettled()
      for (const key of keys) assert.equal(line.effectsOf(key).length, 1, `effects of ${key}`)
      assert.deepEqual(
        line.runs.filter(({ key }) => key === 'poison').map(({ attempt }) => attempt),
        [1, 2, 3],
      )
      await stage.until('three are set aside', async () => (await stage.bench.deadLetters('one')).length >= 3)
      const letters = (await stage.bench.deadLetters('one')).map(({ bytes, headers }) => ({
        key: keyOf(new TextDecoder().decode(bytes)),
        headers,
      }))
      assert.deepEqual(letters.map(({ key, headers }) => `${key} ${headers['hapax-attempts']}`).toSorted(byText), [
        'poison 3',
        'refused 1',
        'unreadable 0',
      ])
      // A copy of what was set aside has a budget of its own.
      await line.publish(['poison'])
      await line.untilSettled()
      await stage.until('the fourth is set aside', async () => (await stage.bench.deadLetters('one')).length >= 4)
      assert.equal(line.runs.filter(({ key }) => key === 'poison').length, 6)
      await line.assertNothingLeft()
    },
  }
}

function byText(one: string, other: string): number {
  return one < other ? -1 : 1
}
