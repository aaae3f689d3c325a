/** amqplib and nothing else: no key is looked at. */
import { consumeByHand } from './consumer.js'
import type { Setup, Stream } from '../../contract.js'

export const setup: Setup<Stream> = (given) => consumeByHand(given, given.handle)
