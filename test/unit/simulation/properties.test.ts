import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { properties } from 'hapax/testing'

test('every property stands in the documentation, by its name and its sentence', () => {
  const page = readFileSync(new URL('../../../docs/simulation.md', import.meta.url), 'utf8')
  const rows = [...page.matchAll(/^\| `([a-z-]+)` \| (.*) \|$/gm)].map(([, name, sentence]) => ({ name, sentence }))
  expect(rows).toEqual(properties.map(({ name, sentence }) => ({ name, sentence })))
})
