// A store of your own that asks its backend once for all claims of a turn. Its test: test/examples/own-store.test.ts.
import { openCoalescing } from 'hapax'
import type { Claim, ClaimOptions, ClaimResult, Store } from 'hapax'

// #region coalesced
/** Stands for one request that takes many steps, each of which is atomic by itself and answered by itself. */
function inOneRequest<Call, Answer>(step: (call: Call) => Promise<Answer>): (calls: readonly Call[]) => Promise<readonly Answer[]> {
  return (calls) => Promise.all(calls.map(step))
}

export function coalescedStore(store: Store): Store {
  const claims = openCoalescing<{ record: string; options: ClaimOptions }, ClaimResult>({
    send: inOneRequest(({ record, options }) => store.claim(record, options)),
    // Where a statement cannot meet the same row twice. The second caller waits for the next request.
    keyOf: ({ record }) => record,
  })
  const completes = openCoalescing<{ claim: Claim; windowMs: number }, boolean>({
    send: inOneRequest(({ claim, windowMs }) => store.complete(claim, windowMs)),
    keyOf: ({ claim }) => claim.record,
  })
  return {
    ...store,
    claim: (record, options) => claims.ask({ record, options }),
    complete: (claim, windowMs) => completes.ask({ claim, windowMs }),
  }
}
// #endregion
