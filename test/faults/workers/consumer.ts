/** What a consuming worker tells its ledger, in either mode. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { BaseContext, HandlerOptions, Outcome, Trouble } from 'hapax'
import type { Words } from './worker.js'
import type { LedgerWriter } from '../ledger.js'

/** A message as the load driver writes it. */
export interface Work {
  /** Its number. */
  readonly n: number
  /** How long its handler takes, in milliseconds. */
  readonly w: number
  /** How often its handler fails. */
  readonly f: number
}

type Options = Omit<HandlerOptions<Work>, 'store'>

export function consumerOptions({ run, leaseMs, windowMs }: Words, ledger: LedgerWriter): Options {
  return {
    // A database keeps what earlier runs have consumed.
    scope: `${run}.work`,
    key: ({ n }) => String(n),
    leaseMs,
    windowMs,
    retryDelaysMs: [500, 2_000],
    onOutcome: (outcome) => ledger.write('o', Number(outcome.key ?? -1), told(outcome)),
    onTrouble: ({ kind, message, error }: Trouble) =>
      ledger.write('t', -1, `${kind} ${message.replaceAll('\n', ' ')} ${String(error).replaceAll('\n', ' ')}`),
  }
}

function told(outcome: Outcome): string {
  const took = `${outcome.status} ${outcome.tookMs.toFixed(1)}`
  return outcome.status === 'dead-lettered' ? `${took} ${outcome.reason.replaceAll('\n', ' ')}` : took
}

/** What the handler does before its effect. */
export async function workOn({ n, w, f }: Work, context: BaseContext, { heedless }: Words, ledger: LedgerWriter): Promise<void> {
  const { attempt } = context
  ledger.write('b', n, String(attempt))
  if (w > 0) await sleep(w)
  if (attempt <= f) throw new Error(`failure ${attempt} of ${f}`)
  if (!heedless) context.signal.throwIfAborted()
}
