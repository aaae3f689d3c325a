import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { planOf } from '../../../testing/simulation/planning.js'
import { simulate } from '../../../testing/simulation/simulate.js'
import { memoryPieces } from '../../simulation/pieces.js'

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

async function digestOf(seed: number): Promise<string> {
  const { happenings } = await simulate(planOf(seed), memoryPieces())
  return createHash('sha256').update(JSON.stringify(happenings)).digest('hex')
}

/**
 * One seed is one history, on every machine and with every version of Node. A change of the core, the memory adapters or the simulator may change
 * histories; then write them down anew:
 *
 *     npx vitest run --project unit test/unit/simulation/determinism.test.ts -u
 */
test('the histories of seeds 1 to 20 are what they were', async () => {
  const lines: string[] = []
  for (const seed of seeds) lines.push(`${await digestOf(seed)}  ${seed}\n`)
  await expect(lines.join('')).toMatchFileSnapshot('seeds-1-20.sha256')
})

test('a history is the same whatever was played before it in this process', async () => {
  const backwards: string[] = []
  for (const seed of seeds.slice(0, 5).toReversed()) backwards.unshift(await digestOf(seed))
  const forwards: string[] = []
  for (const seed of seeds.slice(0, 5)) forwards.push(await digestOf(seed))
  expect(backwards).toEqual(forwards)
})
