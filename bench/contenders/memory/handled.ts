import { memoryStore } from 'hapax/stores/memory'
import { handledCalls } from '../hapax.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => ({
  ...handledCalls(given, memoryStore({ maxRecords: 100_000_000 })),
  close: async () => undefined,
})
