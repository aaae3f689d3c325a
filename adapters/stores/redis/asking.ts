import { messageOf, openCoalescing } from '../../../src/index.js'
import { textOf } from './clients.js'
import type { Client } from './clients.js'
import type { Script } from './scripts.js'

/** One step on one record. */
export interface Call {
  readonly key: string
  /** What other calls often have the same. */
  readonly terms: readonly number[]
  /** What is this one's own. */
  readonly own: string
}

/** With fewer in a script, what a script costs by itself is more than what is won where Redis and this process work at the same time. */
const fewestCalls = 8

/** What a script said of one record, or what was thrown over that one alone. */
type Said = string | { readonly fault: unknown }

/** Asks for one step, together with the other calls of this turn where the client can send them to one server. Resolves with what the script says of the record. */
export function openAsking(client: Client, script: Script, coalesce: boolean): (call: Call) => Promise<string> {
  const alone = async (call: Call): Promise<string> => {
    const [said] = await run(client, script, [call])
    return readSaid(call, said)
  }
  if (client.spread || !coalesce) return alone

  let spread = false
  const together = openCoalescing<Call, Said>({
    fewestCalls,
    async send(calls) {
      try {
        return await run(client, script, calls)
      } catch (error) {
        if (calls.length === 1 || !/^(CROSSSLOT|NOPERM)/.test(messageOf(error))) throw error
        // A server that is many behind one address says so of each script, and one that a user may not touch all keys of says it again when that one comes.
        if (messageOf(error).startsWith('CROSSSLOT')) spread = true
        return Promise.all(calls.map((call) => alone(call).catch((fault: unknown) => ({ fault }))))
      }
    },
  })
  return async (call) => (spread ? alone(call) : readSaid(call, await together.ask(call)))
}

/** A server that was restarted, or took over, knows no scripts; one that is sent a script in full knows it from then on. */
async function run(client: Client, { text, sha1 }: Script, calls: readonly Call[]): Promise<readonly string[]> {
  const keys = calls.map(({ key }) => key)
  const values = valuesOf(calls)
  let reply: unknown
  try {
    reply = await client.evalsha(sha1, keys, values)
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    reply = await client.eval(text, keys, values)
  }
  return textOf(reply).split('\n')
}

/** Calls with the same terms that follow each other share them. */
function valuesOf(calls: readonly Call[]): string[] {
  const values: string[] = []
  for (let first = 0; first < calls.length;) {
    const { terms, own } = calls[first] as Call
    let last = first
    let owns = own
    for (let next = calls[first + 1]; next && next.own.length === own.length && areSame(terms, next.terms); next = calls[last + 1]) {
      owns += next.own
      last += 1
    }
    if (/[^\x00-\x7f]/.test(owns)) {
      // Each may have another number of bytes.
      owns = own
      last = first
    }
    const each = last === first ? Buffer.byteLength(own) : own.length
    values.push(String(last - first + 1), String(each), ...terms.map(String), owns)
    first = last + 1
  }
  return values
}

function areSame(some: readonly number[], others: readonly number[]): boolean {
  return some.every((term, index) => term === others[index])
}

function readSaid({ key }: Call, said: Said | undefined): string {
  if (typeof said === 'object') throw said.fault
  if (said === undefined) throw unexpected(said)
  if (said === '!') throw new Error(`The record ${key} was not written by Hapax`)
  if (said.startsWith('!')) throw new Error(said.slice(1))
  return said
}

export function unexpected(said: unknown): Error {
  return new Error(`Redis gave an answer that a script of Hapax never gives: ${JSON.stringify(said)}`)
}
