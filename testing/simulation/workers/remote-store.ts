import { CommitUnknownError, TransactionConflictError, messageOf } from '../../../src/index.js'
import type { Claim, Store, TransactionalStore } from '../../../src/index.js'
import type { StoreStep } from '../chronicle.js'
import type { Process } from './process.js'
import type { Way } from './way.js'
import type { World } from '../world.js'

/** How long a client of a database waits for an answer before it takes its connection for broken. */
const patienceMs = 1_000

/** Within so long the database notices that a client is gone, and rolls its transaction back. */
const noticedWithinMs = 300

/** How what is asked of the store travels: single steps, and what is done in a transaction, which never leaves its connection. */
export interface Ways {
  readonly steps: Way
  readonly sessions: Way
}

/** The store as one process has it: every step goes there and comes back, and is written down at the moment at which it takes effect. */
export function remoteStore<Tx>(world: World<Tx>, process: Process, way: Way): Store {
  const { store } = world.store
  const observe = observer(world, process.name)

  return {
    check: () => Promise.resolve(),
    async claim(record, options) {
      const result = await way.call('claim', () =>
        observe('claim', { record }, store.claim(record, options), (result) => {
          const { nonce, leaseMs, memoryMs } = options
          const { token, attempts, lapses } = result.status === 'claimed' ? result.claim : nothingClaimed
          const retryInMs = result.status === 'busy' ? result.retryInMs : 0
          return { step: 'claim', record, nonce, leaseMs, memoryMs, status: result.status, token, attempts, lapses, retryInMs }
        }),
      )
      if (result.status === 'claimed') world.tell({ what: 'claim-heard', worker: process.name, record, token: result.claim.token })
      return result
    },
    renew: (claim, leaseMs) =>
      way.call('renew', () =>
        observe('renew', claim, store.renew(claim, leaseMs), (answer) => ({ step: 'renew', ...named(claim), leaseMs, answer })),
      ),
    complete: (claim, windowMs) =>
      way.call('complete', () =>
        observe('complete', claim, store.complete(claim, windowMs), (answer) => ({
          step: 'complete',
          ...named(claim),
          windowMs,
          answer,
        })),
      ),
    release: (claim, remember) =>
      way.call('release', () =>
        observe('release', claim, store.release(claim, remember), (answer) => ({
          step: 'release',
          ...named(claim),
          ...remember,
          answer,
        })),
      ),
  }
}

const nothingClaimed = { token: 0, attempts: 0, lapses: 0 }

const named = ({ record, token }: Claim): Pick<Claim, 'record' | 'token'> => ({ record, token })

type Observe = <Value>(
  step: StoreStep['step'],
  on: { readonly record: string; readonly token?: number },
  answer: Promise<Value>,
  describe: (value: Value) => StoreStep,
) => Promise<Value>

function observer<Tx>({ tell }: World<Tx>, worker: string): Observe {
  return async (step, { record, token }, answer, describe) => {
    try {
      const value = await answer
      tell({ what: 'store', worker, ...describe(value) })
      return value
    } catch (error) {
      tell({ what: 'store-threw', worker, step, record, token, error: messageOf(error) })
      throw error
    }
  }
}

/** The same, with transactions: what the process does in one travels, too, and a transaction whose process is gone is rolled back by the server. */
export function remoteTransactionalStore<Tx>(
  world: World<Tx>,
  process: Process,
  { steps, sessions: way }: Ways,
  store: TransactionalStore<Tx>,
): TransactionalStore<ServerSide<Tx>> {
  const observe = observer(world, process.name)
  const { transactionLimitMs } = world.plan.settings

  return {
    ...remoteStore(world, process, steps),

    async transaction(run) {
      const session = await way.call('begin', () => openSession(world, process, store, transactionLimitMs), { patienceMs })
      try {
        const value = await run(session)
        await way.call('commit', () => session.end('commit'), {
          patienceMs,
          unknown: () => new CommitUnknownError('The connection broke while the transaction was being committed'),
          refusal: () => new TransactionConflictError('The transaction was given up for the sake of another'),
        })
        return value
      } catch (error) {
        await way.call('rollback', () => session.end('rollback').catch(() => undefined), { patienceMs }).catch(() => undefined)
        throw error
      } finally {
        // Does nothing to one that has ended. Of a broken connection the server learns a little later.
        world.scheduler.schedule(noticedWithinMs * world.noise.fraction(), () => void session.end('rollback').catch(() => undefined))
      }
    },

    claimIn: (session, record, options) =>
      way.call(
        'claim-in',
        () =>
          observe('claim-in', { record }, session.claimIn(record, options), ({ status }) => ({
            step: 'claim-in',
            record,
            transaction: session.id,
            token: options.claim?.token,
            windowMs: options.windowMs,
            status,
          })),
        { patienceMs, refusal: () => new TransactionConflictError('The transaction was given up for the sake of another') },
      ),
  }
}

/** A transaction as the server has it. */
export interface ServerSide<Tx> {
  readonly id: number
  readonly tx: Tx
  claimIn: (record: string, options: Parameters<TransactionalStore<Tx>['claimIn']>[2]) => ReturnType<TransactionalStore<Tx>['claimIn']>
  /** The first call counts. Resolves once it is committed; rejects when it was rolled back. */
  end(how: 'commit' | 'rollback'): Promise<void>
}

function openSession<Tx>(
  { scheduler, noise, tell, next }: World<Tx>,
  process: Process,
  store: TransactionalStore<Tx>,
  limitMs: number,
): Promise<ServerSide<Tx>> {
  const id = next('transaction')
  return new Promise((resolve, reject) => {
    let end = (_how: 'commit' | 'rollback'): void => undefined
    const ending = new Promise<'commit' | 'rollback'>((decided) => {
      end = decided
    })
    let touched = false
    const ended = store.transaction(async (tx) => {
      const session: ServerSide<Tx> = {
        id,
        tx,
        claimIn(record, options) {
          touched = true
          return store.claimIn(tx, record, options)
        },
        end(how) {
          end(how)
          return ended
        },
      }
      resolve(session)
      if ((await ending) === 'rollback') throw new Error('The transaction was rolled back')
    })
    const note = (step: 'commit' | 'rollback'): void => {
      if (touched) tell({ what: 'store', worker: process.name, step, record: '', transaction: id })
    }
    ended.then(
      () => note('commit'),
      (error: unknown) => {
        note('rollback')
        reject(error)
      },
    )
    process.whenDead(() => void scheduler.schedule(noticedWithinMs * noise.fraction(), () => end('rollback')))
    scheduler.schedule(limitMs, () => end('rollback'))
  })
}
