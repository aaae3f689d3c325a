import assert from 'node:assert/strict'
import { claiming } from './stores/claiming.js'
import { fencing } from './stores/fencing.js'
import { faults, hostile } from './stores/hostile.js'
import { onStage, longMs } from './stores/stage.js'
import { time } from './stores/time.js'
import { leftOut } from './suite.js'
import type { Store } from '../src/index.js'
import type { Cases, Opened, StageOptions } from './stores/stage.js'
import type { Cannot, SuiteCase } from './suite.js'

/** How `storeSuite` reaches the backend under test. */
export interface StoreSuiteOptions extends StageOptions<Store> {
  /** Opens a handle whose backend cannot be reached, and which finds out within a few seconds; or says why there is no such thing. */
  readonly openUnreachable: (() => Promise<Opened<Store>> | Opened<Store>) | Cannot
  /** Removes a record behind the store's back, as a sweep or an expiry does; or says why that cannot be. */
  readonly forget: ((record: string) => Promise<void>) | Cannot
}

/**
 * What every store has to do, as cases for any test runner. Each case uses records of its own, so that cases may run side by side, on a
 * backend that holds other data.
 */
export function storeSuite(options: StoreSuiteOptions): readonly SuiteCase[] {
  const { openUnreachable, forget } = options
  return [
    ...onStage(options, { ...claiming, ...fencing, ...time, ...hostile }),
    ...('cannot' in forget ? [leftOut('steps on a record that has vanished', forget)] : onStage(options, vanishing(forget))),
    ...('cannot' in openUnreachable ? [leftOut('faults', openUnreachable)] : faults(openUnreachable)),
  ]
}

function vanishing(forget: (record: string) => Promise<void>): Cases<Store> {
  return {
    async 'a claim whose record has vanished is completed, but neither renewed nor released'({
      store,
      other,
      record,
      claimed,
      assertDuplicate,
    }) {
      const claim = await claimed(store, record())
      await forget(claim.record)
      assert.equal(await store.renew(claim, longMs), false)
      assert.equal(await store.release(claim, { attempts: 9, lapses: 9, restMs: longMs }), false)
      assert.equal(await store.complete(claim, longMs), true)
      await assertDuplicate(other, claim.record)
    },
    async 'after a consumed record has vanished, the next token is still greater'({ store, record, claimed }) {
      const claim = await claimed(store, record())
      await store.complete(claim, longMs)
      await forget(claim.record)
      const next = await claimed(store, claim.record)
      assert.ok(next.token > claim.token, `${next.token} came after ${claim.token}`)
    },
  }
}
