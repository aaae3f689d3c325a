/** The raw pair of Redis around the handler: a lease, an owner, and a complete that compares. */
import { setup as openPair } from '../redis/raw.js'
import { consumeByHand } from './consumer.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = async (given) => {
  const pair = await openPair(given)
  const { start, close } = await consumeByHand(given, pair.call)
  return { start, close: () => Promise.all([close(), pair.close()]) }
}
