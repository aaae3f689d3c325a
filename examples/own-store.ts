// A store of your own: the five steps on a map of JSON texts. Its test holds it against the contract: test/examples/own-store.test.ts.
import { systemClock } from 'hapax'
import type { Claim, Clock, Store } from 'hapax'

// #region store
/** Stands for your backend. Each step below is atomic, as nothing in it waits. */
export interface Backend {
  readonly records: Map<string, string>
  lastToken: number
}

interface Entry {
  readonly state: 'consuming' | 'consumed' | 'released'
  readonly token: number
  readonly attempts: number
  readonly lapses: number
  readonly nonce: string
  /** When lease, rest or window is over, and how long the record outlives that. */
  readonly untilMs: number
  readonly memoryMs: number
}

export function mapStore(backend: Backend, clock: Clock = systemClock): Store {
  const { records } = backend
  const put = (record: string, entry: Entry): void => void records.set(record, JSON.stringify(entry))
  const look = (record: string): Entry | undefined => {
    const text = records.get(record)
    const entry = text === undefined ? undefined : (JSON.parse(text) as Entry)
    return entry && clock.now() < entry.untilMs + entry.memoryMs ? entry : undefined
  }
  const heldBy = ({ record, token }: Claim): Entry | undefined => {
    const entry = look(record)
    return entry?.state === 'consuming' && entry.token === token ? entry : undefined
  }
  /** What is over leaves: each claim looks at two records, and those that stay go to the end of the line. */
  const sweep = (): void => {
    const names = records.keys()
    for (const { value } of [names.next(), names.next()]) {
      const entry = value === undefined ? undefined : look(value)
      if (value !== undefined) records.delete(value)
      if (value !== undefined && entry) put(value, entry)
    }
  }

  return {
    async check() {
      // A server that could not keep the promises, such as one that evicts, would be refused here.
    },
    async claim(record, { nonce, leaseMs, memoryMs }) {
      sweep()
      const nowMs = clock.now()
      const before = look(record)
      if (before?.state === 'consumed') return { status: 'duplicate' }
      // Asked again by the same caller, whose answer was lost. A claim that was released does not come back.
      const again = before?.nonce === nonce
      const ours = again && before.state === 'consuming'
      if (before && !ours && (again || nowMs < before.untilMs)) return { status: 'busy', retryInMs: Math.max(1, before.untilMs - nowMs) }
      const token = ours ? before.token : (backend.lastToken += 1)
      const attempts = before?.attempts ?? 0
      const lapses = (before?.lapses ?? 0) + (before?.state === 'consuming' && !ours ? 1 : 0)
      put(record, { state: 'consuming', token, attempts, lapses, nonce, untilMs: nowMs + leaseMs, memoryMs })
      return { status: 'claimed', claim: { record, token, attempts, lapses } }
    },
    async renew(claim, leaseMs) {
      const entry = heldBy(claim)
      if (entry) put(claim.record, { ...entry, untilMs: clock.now() + leaseMs })
      return entry !== undefined
    },
    async complete({ record, token }, windowMs) {
      const before = look(record)
      if (before && before.token > token) return false
      const consumed: Entry = { state: 'consumed', token, attempts: 0, lapses: 0, nonce: '', untilMs: clock.now() + windowMs, memoryMs: 0 }
      if (before?.state !== 'consumed' || before.token < token) put(record, consumed)
      return true
    },
    async release(claim, { attempts, lapses, restMs }) {
      const entry = heldBy(claim)
      if (entry) put(claim.record, { ...entry, state: 'released', attempts, lapses, untilMs: clock.now() + restMs })
      return entry !== undefined
    },
  }
}
// #endregion
