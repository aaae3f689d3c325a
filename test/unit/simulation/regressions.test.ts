import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { simulate, tellStory } from 'hapax/testing'
import { memoryPieces } from '../../simulation/pieces.js'
import type { Plan } from 'hapax/testing'

const folder = new URL('../../simulation/regressions/', import.meta.url)

// Histories that once failed, made small. Where that was a bug, they fail again with it put back (test/simulation/planted/own.ts).
test.each(readdirSync(folder))('the history of %s holds', async (file) => {
  const plan = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Plan
  const history = await simulate(plan, memoryPieces())
  expect(history.violations, tellStory(history).join('\n')).toEqual([])
})
