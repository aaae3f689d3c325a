import { memoryStore } from 'hapax/stores/memory'
import { storeCalls } from '../hapax.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => ({
  ...storeCalls(given, memoryStore({ maxRecords: 100_000_000 })),
  close: async () => undefined,
})
