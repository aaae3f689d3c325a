// #region simulation
import { test } from 'vitest'
import { planOf, simulate, tellStory } from 'hapax/testing'
import { mapStore } from '../../examples/own-store.js'
import { memoryPieces } from '../simulation/pieces.js'
import type { Pieces } from 'hapax/testing'

const pieces: Pieces<never> = {
  ...memoryPieces(),
  store({ clock }) {
    const backend = { records: new Map<string, string>(), lastToken: clock.epochMs() * 1_000 }
    return {
      store: mapStore(backend, clock),
      transactions: { cannot: 'it has none' },
      save() {
        const kept = [...backend.records]
        return () => {
          backend.records.clear()
          for (const [record, text] of kept) backend.records.set(record, text)
        }
      },
      size: () => backend.records.size,
    }
  },
}

test.each([false, true])('a store on a map goes through 100 histories (and forgets: %s)', async (forgets) => {
  for (let seed = 1; seed <= 100; seed += 1) {
    const history = await simulate(planOf(seed, { forgets }), pieces)
    if (history.violations.length > 0) throw new Error(tellStory(history).join('\n'))
  }
})
// #endregion
