import { endLease, resumeLease } from './lease.js'
import { sleep } from './clock.js'
import { openCore } from './core.js'
import { reportAbandoned } from './effect.js'
import { RunTooLongError, hasCode } from './errors.js'
import { makeIdempotent } from './idempotent.js'
import { backOff } from './retry.js'
import { Running, runHandler, signalOf } from './run.js'
import type { Call, Effect, Effected } from './effect.js'
import type { Core } from './core.js'
import type { Handler, HandlerOptions, Idempotent, InboxContext } from './handler.js'
import type { Followed } from './outage.js'
import type { Run } from './run.js'
import type { ClaimInResult, TransactionalStore } from './store.js'

export interface InboxOptions<Message, Tx> extends HandlerOptions<Message> {
  readonly store: TransactionalStore<Tx>
}

/** How often a transaction that gave way to another, or whose commit got no answer, is run again at once, before the message is put off. */
const mostReruns = 10

/**
 * Wraps a handler whose effect is in the same database as the store: what it does through `context.tx` and the record that it was done commit together
 * or not at all, so the effect is once per key within the window, whatever dies when. What the handler does outside of that transaction is not covered.
 *
 * Throws a `ConfigurationError` for options that could only lose or double.
 */
export function inbox<Message, Value, Tx>(
  handler: Handler<Message, Value, InboxContext<Tx>>,
  options: InboxOptions<Message, Tx>,
): Idempotent<Message, Value> {
  const core = openCore(options, ['transaction', 'claimIn'])
  return makeIdempotent(core, options, handler, inboxEffect(core, options.store, handler))
}

function inboxEffect<Message, Value, Tx>(
  core: Core,
  store: TransactionalStore<Tx>,
  handler: Handler<Message, Value, InboxContext<Tx>>,
): Effect<Message, Value> {
  const { clock, random } = core.runtime

  /** One transaction: what the store said of the key, what the handler came to, and how the transaction ended. */
  const attempt = async (call: Call<Message>): Promise<Attempt<Value>> => {
    let verdict: ClaimInResult['status'] | undefined
    let run: Run<Value> | undefined
    let rolledBack: Error | undefined
    const rollBack = (): Error => (rolledBack = new Error('Rolled back on purpose'))
    try {
      await store.transaction(async (tx) => {
        const answer = await store.claimIn(tx, call.record, { windowMs: core.windowMs, claim: call.lease?.claim })
        verdict = answer.status
        if (verdict !== 'claimed') throw rollBack()
        // From here on the transaction holds the key, and a renewal would be refused.
        if (call.lease) endLease(call.lease)
        run = await runIn(tx, call)
        if (run.how === 'threw') throw run.error
        if (run.how !== 'returned') throw rollBack()
      })
      return { verdict, run, fault: undefined }
    } catch (error) {
      if (call.lease) resumeLease(call.lease)
      const ofHandler = run?.how === 'threw' && run.error === error
      return { verdict, run, fault: error === rolledBack || ofHandler ? undefined : { error } }
    }
  }

  const runIn = async (tx: Tx, call: Call<Message>): Promise<Run<Value>> => {
    const running = new Running(core, call, undefined)
    const { key, attempt, headers, origin } = call
    const context: InboxContext<Tx> = {
      key,
      attempt,
      headers,
      origin,
      tx,
      get signal() {
        return signalOf(running)
      },
    }
    // What it comes to after its transaction was rolled back is nothing.
    return runHandler(running, { start: () => handler(call.message, context), late: ignored })
  }

  /** A fault of the database is no answer: run again until there is one, or until it is time to stop. */
  const untilAnswered = async (call: Call<Message>, followed: Followed): Promise<Effected<Value>> => {
    const begun = clock.now()
    const putOff: Effected<Value> = { happened: { what: 'busy', retryInMs: core.retryDelaysMs[0] ?? core.leaseMs } }
    let committed: { readonly value: Value } | undefined
    let reruns = 0
    for (let faults = 1; ; faults += 1) {
      const { verdict, run, fault } = await attempt(call)
      if (!fault) {
        core.outage.succeeded(followed)
        return concluded(core, call, verdict, run, committed) ?? putOff
      }
      const conflict = hasCode(fault.error, 'transaction-conflict')
      const unknown = hasCode(fault.error, 'commit-unknown')
      // The database has refused to commit what this handler did (a deferred constraint, a transaction that took too long): its failure, and run again it
      // would be refused again.
      if (run?.how === 'returned' && !conflict && !unknown) return { happened: { what: 'threw', error: fault.error, cut: 'no' } }
      // The commit may have gone through: the next round finds the key consumed, and by us.
      if (run?.how === 'returned' && unknown) committed = { value: run.value }
      if (call.graceOver?.aborted) return { happened: { what: 'threw', error: fault.error, cut: 'stopping' } }
      if (conflict || unknown) reruns += 1
      if (reruns >= mostReruns) return putOff
      if (!conflict) {
        followed.fault(fault.error)
        call.onFault?.(fault.error)
      }
      if (clock.now() - begun >= (call.forMs ?? Number.POSITIVE_INFINITY)) return { happened: { what: 'not-started' }, fault: fault.error }
      await sleep(clock, backOff(faults, random.fraction()), call.signal)
      if (call.signal?.aborted) return { happened: { what: 'not-started' } }
    }
  }

  return {
    // A rollback forgets that a process died, so a message that may have been here before is first claimed by lease, which counts lapses.
    claimsFirst: (redelivered) => redelivered !== false,
    async run(call) {
      const followed = core.outage.follow()
      try {
        return await untilAnswered(call, followed)
      } finally {
        followed.givenUp()
      }
    },
  }
}

const ignored = (): void => undefined

interface Attempt<Value> {
  readonly verdict: ClaimInResult['status'] | undefined
  readonly run: Run<Value> | undefined
  /** The database's own, not the handler's: told apart by who threw, not by what was thrown. */
  readonly fault: { readonly error: unknown } | undefined
}

/** What a transaction that ended without a fault came to; undefined where somebody else has the key. */
function concluded<Value>(
  core: Core,
  call: Call<unknown>,
  verdict: ClaimInResult['status'] | undefined,
  run: Run<Value> | undefined,
  committed: { readonly value: Value } | undefined,
): Effected<Value> | undefined {
  if (verdict === 'duplicate') {
    return committed ? { happened: { what: 'returned', recorded: 'yes' }, returned: committed } : { happened: { what: 'consumed' } }
  }
  if (verdict === 'busy' || !run) return undefined
  switch (run.how) {
    case 'returned':
      return { happened: { what: 'returned', recorded: 'yes' }, returned: { value: run.value } }
    case 'threw':
      return { happened: { what: 'threw', error: run.error, cut: run.cut } }
    case 'abandoned':
      reportAbandoned(core, call)
      // Rolled back, so nothing was left behind: an attempt like any other.
      return {
        happened: { what: 'threw', error: new RunTooLongError(`The handler has run for longer than ${core.maxRunMs} ms`), cut: 'no' },
      }
    case 'handed-back':
      // Its connection is closed by now, so others need not wait.
      return { happened: { what: 'threw', error: undefined, cut: 'stopping' } }
  }
}
