import { claimRecord, giveBack, storeAway } from './claiming.js'
import { endLease, holdLease } from './lease.js'
import { hasCode } from './errors.js'
import { refuseUnless } from './options.js'
import type { Call, Effect, Effected } from './effect.js'
import type { Core } from './core.js'
import type { OnceFrom, OnceResult } from './handler.js'
import type { Lease } from './lease.js'
import type { Naming } from './reading.js'

/** The inner layer: claims, runs, renews, completes, and answers with data. Knows no broker. */
export function openOnce<Message, Value>(
  core: Core,
  nameOf: Naming<Message>,
  effect: Effect<Message, Value>,
): (message: Message, from?: OnceFrom) => Promise<OnceResult<Value>> {
  return async (message: Message, from: OnceFrom = {}): Promise<OnceResult<Value>> => {
    refuseUnless.options(from, '{ headers, signal }', 'from')
    const { headers = {}, signal } = from
    refuseUnless.options(headers, '{ trace }', 'headers')
    refuseUnless.signal('signal', signal)
    const named = nameOf(message, headers)
    signal?.throwIfAborted()
    const call = {
      ...named,
      message,
      headers,
      origin: undefined,
      signal,
      graceOver: undefined,
      caller: signal,
      abandons: false,
      onFault: undefined,
      forMs: core.storeTimeoutMs,
    }
    // The inbox finds out in its own transaction; a lease would only count lapses, of which this layer knows nothing.
    if (!effect.claimsFirst(false)) return answer(call, await effect.run({ ...call, attempt: 1, lease: undefined }))

    const tried = await claimRecord(core, named.record, { signal, forMs: core.storeTimeoutMs })
    if (!tried.done) {
      if (core.whenStoreFails === 'run') return answer(call, await effect.run({ ...call, attempt: 1, lease: undefined }))
      throw storeAway(named.record, tried.error)
    }
    if (tried.value.status !== 'claimed') return tried.value
    const lease = holdLease(core, tried.value.claim, tried.value.sentAt, named.key)
    try {
      return await underLease(core, effect, call, lease)
    } finally {
      endLease(lease)
    }
  }
}

async function underLease<Message, Value>(
  core: Core,
  effect: Effect<Message, Value>,
  call: Omit<Call<Message>, 'attempt' | 'lease'>,
  lease: Lease,
): Promise<OnceResult<Value>> {
  const { claim } = lease
  const effected = call.signal?.aborted ? undefined : await effect.run({ ...call, attempt: claim.attempts + 1, lease })
  const counted = effected?.happened.what === 'threw' && effected.happened.cut === 'no'
  if (!effected?.returned) {
    const remember = { attempts: claim.attempts + (counted ? 1 : 0), lapses: claim.lapses, restMs: 0 }
    await giveBack(core, claim, remember, { forMs: core.recordTimeoutMs })
  }
  return answer(call, effected ?? { happened: { what: 'not-started' } })
}

function answer<Value>(
  call: { readonly record: string; readonly signal: AbortSignal | undefined },
  { happened, returned, fault }: Effected<Value>,
): OnceResult<Value> {
  if (happened.what === 'returned' && returned) {
    const { value } = returned
    return { status: happened.recorded === 'yes' ? 'handled' : happened.recorded === 'superseded' ? 'lease-lost' : 'unrecorded', value }
  }
  switch (happened.what) {
    case 'consumed':
      return { status: 'duplicate' }
    case 'busy':
      return { status: 'busy', retryInMs: happened.retryInMs }
    case 'threw':
      throw happened.error
    default:
      call.signal?.throwIfAborted()
      throw hasCode(fault, 'commit-unknown') ? fault : storeAway(call.record, fault)
  }
}
