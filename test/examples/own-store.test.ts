import { coalescedStore } from '../../examples/own-store-coalesced.js'
// #region suite
import { describe, test } from 'vitest'
import { manualClock, storeSuite } from 'hapax/testing'
import { mapStore } from '../../examples/own-store.js'

const backend = { records: new Map<string, string>(), lastToken: Date.now() * 1_000 }
const clock = manualClock()

const suite = storeSuite({
  // One more handle on the same backend, as another process would have it.
  open: () => ({ store: mapStore(backend, clock), close: () => undefined }),
  clock,
  passTime: clock.advance,
  forget: async (record) => void backend.records.delete(record),
  openUnreachable: { cannot: 'it is inside this process' },
})
describe('a store on a map', () => {
  for (const each of suite) test(each.name, each.run)
})
// #endregion

const many = { records: new Map<string, string>(), lastToken: Date.now() * 1_000 }

describe('a store on a map that is asked once for many', () => {
  const suite = storeSuite({
    open: () => ({ store: coalescedStore(mapStore(many, clock)), close: () => undefined }),
    clock,
    passTime: clock.advance,
    forget: async (record) => void many.records.delete(record),
    openUnreachable: { cannot: 'it is inside this process' },
  })
  for (const each of suite) test(each.name, each.run)
})
