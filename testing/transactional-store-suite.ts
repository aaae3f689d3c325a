import assert from 'node:assert/strict'
import { hasCode } from '../src/index.js'
import { committing } from './stores/committing.js'
import { holding, sideBySide } from './stores/holding.js'
import { longMs, onStage } from './stores/stage.js'
import { leftOut } from './suite.js'
import type { TransactionalStore } from '../src/index.js'
import type { Rows } from './stores/committing.js'
import type { Cases, Opened, StageOptions } from './stores/stage.js'
import type { Cannot, SuiteCase } from './suite.js'

/** How `transactionalStoreSuite` reaches the backend under test. */
export interface TransactionalStoreSuiteOptions<Tx> extends StageOptions<TransactionalStore<Tx>>, Rows<Tx> {
  /** The error that the client throws for a serialization failure or a deadlock; or why there is none. */
  readonly conflict: (() => Error) | Cannot
  /** Has the answer to the next commit of `store` lost; or says why that cannot happen. */
  readonly loseNextCommit: ((store: TransactionalStore<Tx>) => Promise<void>) | Cannot
  /** Why only one transaction at a time can claim anything: the database has one writer. @default they are side by side */
  readonly sideBySide?: Cannot | undefined
  /** For a store that clears away by itself what is over. @default records leave without the store */
  readonly sweeping?: Sweeping<Tx> | undefined
}

/** How the suite finds out whether a store sweeps. */
export interface Sweeping<Tx> {
  /** Opens a handle that sweeps as often as it can, all the time. */
  open(): Promise<Opened<TransactionalStore<Tx>>> | Opened<TransactionalStore<Tx>>
  /** Whether a record is still stored, over or not. */
  keeps(record: string): Promise<boolean>
}

/** What every store has to do whose records live in the user's own database, beside all that `storeSuite` asks. */
export function transactionalStoreSuite<Tx>(options: TransactionalStoreSuiteOptions<Tx>): readonly SuiteCase[] {
  const { conflict, loseNextCommit, sideBySide: oneWriter, sweeping } = options
  return [
    ...onStage(options, { ...committing(options), ...holding<Tx>() }),
    ...(oneWriter ? [leftOut('keys in transactions side by side', oneWriter)] : onStage(options, sideBySide<Tx>())),
    ...('cannot' in conflict ? [leftOut('conflicts', conflict)] : onStage(options, conflicting<Tx>(conflict))),
    ...('cannot' in loseNextCommit
      ? [leftOut('a lost answer to the commit', loseNextCommit)]
      : onStage(options, losing<Tx>(loseNextCommit))),
    ...(sweeping ? onStage(options, sweepingAlone(sweeping)) : []),
  ]
}

function conflicting<Tx>(conflict: () => Error): Cases<TransactionalStore<Tx>> {
  return {
    async 'a conflict is told by its code, wherever in the causes it is'({ store }) {
      for (const thrown of [conflict(), new Error('in a handler', { cause: conflict() })]) {
        const run = store.transaction(() => Promise.reject(thrown))
        await assert.rejects(run, (error) => hasCode(error, 'transaction-conflict'))
      }
    },
  }
}

function losing<Tx>(loseNextCommit: (store: TransactionalStore<Tx>) => Promise<void>): Cases<TransactionalStore<Tx>> {
  return {
    async 'a lost answer to the commit is told by its code'({ store, record }) {
      await loseNextCommit(store)
      const run = store.transaction((tx) => store.claimIn(tx, record(), { windowMs: longMs }))
      await assert.rejects(run, (error) => hasCode(error, 'commit-unknown'))
    },
  }
}

function sweepingAlone<Tx>({ open, keeps }: Sweeping<Tx>): Cases<TransactionalStore<Tx>> {
  return {
    async 'records leave where nothing but transactions is done'({ record, passTime, unitMs }) {
      const { store, close } = await open()
      try {
        const over = record()
        await store.transaction((tx) => store.claimIn(tx, over, { windowMs: unitMs }))
        // Each of them may begin a sweep, and none waits for it.
        for (let tries = 1; await keeps(over); tries += 1) {
          assert.ok(tries <= 200, `the record is still there after ${tries} transactions`)
          await passTime(unitMs)
          await store.transaction((tx) => store.claimIn(tx, record(), { windowMs: longMs }))
        }
      } finally {
        await close()
      }
    },
  }
}
