import assert from 'node:assert/strict'
import { keyOf, openLine } from './line.js'
import { assertOnce } from './failing.js'
import { texts } from '../transports/stage.js'
import type { LineOptions, PipelineBench, Run, Worker } from './line.js'
import type { Cases } from '../transports/stage.js'

/** Everything at once. */
export function storming(options: LineOptions): Cases<PipelineBench> {
  const { random, leaseMs } = options
  return {
    async 'duplicates, failures, poison, a death and a stall at once: nothing lost, nothing doubled but in their hands'(stage) {
      const line = openLine(stage, options)
      const keys = texts('key', 40)
      const poison = ['poison1', 'poison2']
      const handle = async ({ key, attempt, pause, effect }: Run): Promise<void> => {
        await pause(Math.ceil(random.fraction() * 40))
        if (poison.includes(key)) throw new Error('never')
        if (attempt < 3 && random.fraction() < 0.2) throw new Error('not yet')
        effect()
        await pause(Math.ceil(random.fraction() * 20))
      }
      const work = (name: string): Promise<Worker> => line.work(name, { handle })
      const [one, two] = [await work('one'), await work('two'), await work('three')]
      await line.publish(shuffled([...keys, ...keys, ...poison], options))
      const inHand = new Set<string>()
      const cloud = (worker: Worker): void => {
        for (const key of worker.inHand()) inHand.add(key)
      }

      await stage.until('a quarter has taken effect', () => line.effects.length >= 10)
      cloud(one)
      await one.crash()
      await work('four')
      await stage.until('half has taken effect', () => line.effects.length >= 20)
      cloud(two)
      two.stall()
      await stage.passTime(leaseMs * 1.5)
      two.resume()
      await line.publish(shuffled([...keys, ...poison], options))
      await line.untilSettled()

      assertOnce(line, keys, inHand)
      const letters = (await stage.bench.deadLetters('one')).map(({ bytes }) => keyOf(new TextDecoder().decode(bytes)))
      assert.deepEqual([...new Set(letters)].toSorted(), poison)
      await line.assertNothingLeft()
    },
  }
}

function shuffled(all: readonly string[], { random }: LineOptions): readonly string[] {
  return all
    .map((text) => ({ text, at: random.fraction() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ text }) => text)
}
