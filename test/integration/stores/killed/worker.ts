/** Handles one message under an inbox, and dies at the statement that it is told to: right before it is sent, or when its answer has come. */
import { makeIncoming } from 'hapax'
import { openPool } from './pools.js'
import type { Delivery } from 'hapax'
import type { Words } from './pools.js'

const words = JSON.parse(process.argv[2] ?? '{}') as Words
let statements = 0
const die = (): boolean => process.kill(process.pid, 'SIGKILL')

const { save, close } = openPool(words, async (send) => {
  statements += 1
  const last = statements === words.lastStatement
  if (last && words.when === 'before') die()
  const answer = await send()
  if (last) die()
  return answer
})

const incoming = makeIncoming({
  bytes: new TextEncoder().encode(words.key),
  headers: () => ({}),
  origin: { destination: 'orders', position: '1' },
  orderingKey: undefined,
})
const delivery: Delivery<string> = {
  incoming,
  // A message that may have been here before is claimed by lease first.
  redelivered: words.claimsFirst ? undefined : false,
  attempts: 0,
  postponements: 0,
  waitedMs: 0,
  replay: false,
  signal: new AbortController().signal,
  takenAway: false,
  decode: () => incoming.text(),
  ack: () => Promise.resolve(),
  postpone: () => Promise.reject(new Error('nothing is to be put off here')),
  deadLetter: () => Promise.reject(new Error('nothing is to be set aside here')),
}
const { status } = await save.settle(delivery)
if (status !== 'handled') throw new Error(`The message was ${status}`)
await close()
process.exitCode = statements < words.lastStatement ? 0 : 3
