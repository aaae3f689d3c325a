import { handledCalls } from '../hapax.js'
import { openStore } from './pool.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const { store, close } = await openStore(given)
  return { ...handledCalls(given, store), close }
}
