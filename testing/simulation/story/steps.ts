import { aside, count, duration, nth, seconds } from './words.js'
import type { Happening } from '../chronicle.js'
import type { Knowledge } from './knowledge.js'

type Told = Extract<Happening, { what: 'store' }>
export type ToldStep<Step extends Told['step']> = Extract<Told, { step: Step }>

type Steps = { readonly [Step in Told['step']]: (step: ToldStep<Step>, known: Knowledge) => string }

/** What a worker does when a step of its takes effect in the store, in words. */
export const steps: Steps = {
  claim(step, known) {
    const key = known.keyOf(step.record)
    if (step.status === 'duplicate') return `is told that ${key} is consumed${consumedBy(step, known)}`
    if (step.status === 'busy') return `is told that ${key} is busy for another ${duration(step.retryInMs)}${heldBy(step, known)}`
    const before = known.recorded(step.record)
    const token = known.token(step.record, step.token)
    if (before?.token === step.token) return `is given its own claim on ${key} again (${token})`
    return `claims ${key}${aside(
      token,
      step.attempts > 0 && `${nth(step.attempts + 1)} attempt`,
      step.lapses > 0 && count(step.lapses, 'lapse'),
    )}${whyFree(step, known)}`
  },
  renew(step, known) {
    const claim = claimOf(step, known)
    return step.answer ? `renews ${claim}` : `cannot renew ${claim}${whyRefused(step, known)}`
  },
  complete(step, known) {
    const claim = claimOf(step, known)
    if (!step.answer) return `cannot complete ${claim}${whyRefused(step, known)}`
    const before = known.recorded(step.record)
    if (before?.state === 'consumed' && before.token === step.token) return `completes ${claim} once more`
    return `completes ${claim}`
  },
  release(step, known) {
    const claim = claimOf(step, known)
    if (!step.answer) return `cannot release ${claim}${whyRefused(step, known)}`
    const remembered = [step.attempts > 0 && count(step.attempts, 'attempt'), step.lapses > 0 && count(step.lapses, 'lapse')].filter(
      Boolean,
    )
    return `releases ${claim}${remembered.length > 0 ? `, with ${remembered.join(' and ')}` : ''}${
      step.restMs > 0 ? `, to rest for ${duration(step.restMs)}` : ''
    }`
  },
  'claim-in'(step, known) {
    const key = known.keyOf(step.record)
    const inside = `in transaction ${step.transaction}`
    if (step.status === 'duplicate') return `is told ${inside} that ${key} is consumed${consumedBy(step, known)}`
    if (step.status === 'busy') return `is told ${inside} that ${key} is busy${heldBy(step, known)}`
    return `claims ${key} ${inside}${step.token === undefined ? '' : ` (under ${known.token(step.record, step.token)})`}`
  },
  commit: (step, known) => `commits transaction ${step.transaction}${recordOf(step, known)}`,
  rollback: (step, known) => `has its transaction ${step.transaction} rolled back${recordOf(step, known)}`,
}

type Named = { readonly worker: string; readonly record: string; readonly atMs: number }

function claimOf({ record, token }: Named & { readonly token: number }, known: Knowledge): string {
  return `${known.keyOf(record)} (${known.token(record, token)})`
}

function recordOf({ transaction }: { readonly transaction: number }, known: Knowledge): string {
  const record = known.recordOf(transaction)
  return record === undefined ? '' : ` (${known.keyOf(record)})`
}

function consumedBy({ record, worker }: Named, known: Knowledge): string {
  const before = known.recorded(record)
  return before?.state === 'consumed' && before.worker !== worker ? `, by ${before.worker} at ${seconds(before.atMs)}` : ''
}

function heldBy({ record, worker }: Named, known: Knowledge): string {
  const open = known.openTransaction(record)
  if (open) return `: ${open.worker} holds it in transaction ${open.transaction}`
  const before = known.recorded(record)
  if (before?.state === 'released') return ': it rests'
  if (before?.state !== 'consuming') return ''
  return before.worker === worker
    ? `: it holds it itself (${known.token(record, before.token)})`
    : `: ${before.worker} holds it (${known.token(record, before.token)})`
}

/** Why a key that was seen before can be claimed. */
function whyFree({ record, worker, atMs, lapses, memoryMs }: ToldStep<'claim'>, known: Knowledge): string {
  const before = known.recorded(record)
  if (!before || before.state === 'released') return ''
  const who = before.worker === worker ? 'it' : before.worker
  // The core has a claim remembered for as long as a consumed key.
  if (before.state === 'consumed' && before.atMs + memoryMs <= atMs) return `: the window since ${seconds(before.atMs)} is over`
  if (before.state === 'consumed') return `: that ${who} consumed it at ${seconds(before.atMs)} is forgotten`
  const claim = `the claim of ${before.worker} (${known.token(record, before.token)})`
  if (lapses <= before.lapses) return `: ${claim} is forgotten`
  const tooLong = atMs - before.atMs > known.plan.settings.maxRunMs
  const why = known.fate(before.worker, before.atMs) ?? (tooLong ? 'has run it for longer than maxRunMs' : 'did not renew it')
  return `: ${claim} has lapsed, as ${who} ${why}`
}

function whyRefused({ record, worker, token }: Named & { readonly token: number }, known: Knowledge): string {
  const open = known.openTransaction(record)
  if (open) return `: ${open.worker} holds it in transaction ${open.transaction}`
  const now = known.recorded(record)
  if (!now) return ''
  const who = now.worker === worker ? 'it' : now.worker
  if (now.state === 'consuming') return now.token === token ? '' : `: ${who} has claimed it since (${known.token(record, now.token)})`
  return `: ${who} has ${now.state === 'consumed' ? 'completed' : 'released'} it`
}
