import { messageOf, openCoalescing } from '../../../src/index.js'
import { textOf } from './clients.js'
import { script } from './scripts.js'
import type { Client } from './clients.js'
import type { StepName } from './scripts.js'

/** A step of the script, and what its words on a record mean. */
export interface Step<Value> {
  readonly name: StepName
  readonly read: (said: string, record: string) => Value
}

/** One step on one record. A class, for the garbage collector's sake: there are two for each delivery. */
export class Call<Value> {
  readonly step: Step<Value>
  readonly record: string
  readonly key: string
  /** What other calls often have the same. */
  readonly terms: readonly number[]
  /** What is this one's own. */
  readonly own: string

  constructor(step: Step<Value>, record: string, key: string, terms: readonly number[], own: string) {
    this.step = step
    this.record = record
    this.key = key
    this.terms = terms
    this.own = own
  }
}

/** With fewer in a script, what a script costs by itself is more than what is won where Redis and this process work at the same time. */
const fewestCalls = 8

/** What a script said of one record, or what was thrown over that one alone. */
type Said = string | { readonly fault: unknown }

/** Asks for a step, together with the other calls of this turn where the client can send them to one server. */
export type Asking = <Value>(call: Call<Value>) => Promise<Value>

export function openAsking(client: Client, coalesce: boolean): Asking {
  const alone = async <Value>(call: Call<Value>): Promise<Value> => {
    const [said] = await run(client, [call])
    return read(said as string, call)
  }
  if (client.spread || !coalesce) return alone

  let spread = false
  const together = openCoalescing<Call<unknown>, Said, unknown>({
    fewestCalls,
    read,
    async send(calls) {
      try {
        return await run(client, calls)
      } catch (error) {
        if (calls.length === 1 || !/^(CROSSSLOT|NOPERM)/.test(messageOf(error))) throw error
        // A server that is many behind one address says so of each script, and one that a user may not touch all keys of says it again when that one comes.
        if (messageOf(error).startsWith('CROSSSLOT')) spread = true
        return Promise.all(calls.map(async (call) => (await run(client, [call]).catch((fault: unknown) => [{ fault }]))[0] as Said))
      }
    },
  })
  return <Value>(call: Call<Value>) => (spread ? alone(call) : (together.ask(call) as Promise<Value>))
}

async function run(client: Client, calls: readonly Call<unknown>[]): Promise<readonly string[]> {
  // Those of a step follow each other; and what is done with is told first, so that whoever claims it at the same time hears of it.
  const claims = calls.filter(({ step }) => step.name === 'claim')
  const others = claims.length === 0 ? calls : calls.filter(({ step }) => step.name !== 'claim')
  const said = await send(client, claims.length === 0 ? others : [...others, ...claims])
  let [other, claim] = [0, others.length]
  return calls.map(({ step }) => said[step.name === 'claim' ? claim++ : other++] as string)
}

/** A server that was restarted, or took over, knows no scripts; one that is sent a script in full knows it from then on. */
async function send(client: Client, calls: readonly Call<unknown>[]): Promise<readonly string[]> {
  const keys = calls.map(({ key }) => key)
  const values = valuesOf(calls)
  let reply: unknown
  try {
    reply = await client.evalsha(script.sha1, keys, values)
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    reply = await client.eval(script.text, keys, values)
  }
  const said = textOf(reply).split('\n')
  if (said.length !== calls.length) throw unexpected(reply)
  return said
}

/** Calls of the same step, with the same terms, that follow each other share them. */
function valuesOf(calls: readonly Call<unknown>[]): string[] {
  const values: string[] = []
  for (let first = 0; first < calls.length;) {
    const { step, terms, own } = calls[first] as Call<unknown>
    let last = first
    let owns = own
    for (
      let next = calls[first + 1];
      next && next.step === step && next.own.length === own.length && areSame(terms, next.terms);
      next = calls[last + 1]
    ) {
      owns += next.own
      last += 1
    }
    if (/[^\x00-\x7f]/.test(owns)) {
      // Each may have another number of bytes.
      owns = own
      last = first
    }
    const each = last === first ? Buffer.byteLength(own) : own.length
    values.push(step.name, String(last - first + 1), String(each), ...terms.map(String), owns)
    first = last + 1
  }
  return values
}

function areSame(some: readonly number[], others: readonly number[]): boolean {
  return some.every((term, index) => term === others[index])
}

function read<Value>(said: Said, { step, record, key }: Call<Value>): Value {
  if (typeof said === 'object') throw said.fault
  if (said === '!') throw new Error(`The record ${key} was not written by Hapax`)
  if (said.startsWith('!')) throw new Error(said.slice(1))
  return step.read(said, record)
}

export function unexpected(said: unknown): Error {
  return new Error(`Redis gave an answer that a script of Hapax never gives: ${JSON.stringify(said)}`)
}
