import { describe, expect, test } from 'vitest'
import { conflictWhere, hasCode, notInTransaction, openHandedOut, openTransactions, refuseIdle } from 'hapax'
import { manualClock } from 'hapax/testing'
import type { TransactionBridge, TransactionConnection } from 'hapax'

const coded = (code: string): Error => Object.assign(new Error(code), { code })
const hasOwn = (error: unknown, code: string): boolean => (error as { readonly code?: unknown } | undefined)?.code === code
const isConflict = (error: unknown): boolean => hasOwn(error, 'DEADLOCK') || hasOwn((error as Error).cause, 'DEADLOCK')

function openWorld() {
  const clock = manualClock()
  const transactions = openTransactions(
    {
      orConflict: conflictWhere(isConflict),
      whyNotCommitted: (error) => (hasOwn(error, 'NO') ? 'refused' : hasOwn(error, 'CLOSED') ? 'not-sent' : undefined),
    },
    clock,
  )
  const deeds: string[] = []
  const tx = {}
  const connection = (some: Partial<TransactionConnection> = {}): TransactionConnection => ({
    begin: async () => (deeds.push('begin'), tx),
    close: async () => void deeds.push('close'),
    cut: () => void deeds.push('cut'),
    commit: async () => (deeds.push('commit'), undefined),
    rollback: async () => void deeds.push('rollback'),
    release: (clean) => void deeds.push(clean ? 'give back' : 'destroy'),
    ...some,
  })
  const bridge = (some: Partial<TransactionBridge<object>> = {}): TransactionBridge<object> => ({
    transaction: (run) => run(tx),
    begun: async () => void deeds.push('begun'),
    committing: async () => void deeds.push('committing'),
    ...some,
  })
  return { ...transactions, clock, deeds, tx, connection, bridge }
}

describe('a transaction on a connection', () => {
  test('is committed, and over before that', async () => {
    const { runOn, handedOut, connection, deeds } = openWorld()
    let kept: unknown
    const commit = async () => {
      deeds.push('commit')
      expect(() => handedOut.has(kept)).toThrow('This transaction is over')
      return undefined
    }
    const run = runOn(connection({ commit }), async (tx) => {
      kept = tx
      expect(handedOut.has(tx)).toBe(true)
      return 'value'
    })
    expect(await run).toBe('value')
    expect(deeds).toEqual(['begin', 'close', 'commit', 'give back'])
  })

  test.each(['throws', 'rejects'])('is rolled back when run %s, and rejects with the same error', async (how) => {
    const { runOn, handedOut, connection, deeds, tx } = openWorld()
    const mine = new Error('mine')
    const run = runOn(connection(), () => {
      if (how === 'throws') throw mine
      return Promise.reject(mine)
    })
    await expect(run).rejects.toBe(mine)
    expect(deeds).toEqual(['begin', 'cut', 'rollback', 'give back'])
    expect(() => handedOut.has(tx)).toThrow('over')
  })

  test('that cannot be committed any more is rolled back', async () => {
    const { runOn, connection, deeds } = openWorld()
    const close = () => Promise.reject(coded('DEADLOCK'))
    await expect(runOn(connection({ close }), async () => 'done')).rejects.toSatisfy((error) => hasCode(error, 'transaction-conflict'))
    expect(deeds).toEqual(['begin', 'cut', 'rollback', 'give back'])
  })

  test('whose rollback fails, or takes longer than a second, is ended by closing the connection', async () => {
    const rollbacks = [() => Promise.reject(new Error('gone')), () => new Promise<void>(() => undefined)]
    for (const rollback of rollbacks) {
      const { runOn, connection, deeds, clock } = openWorld()
      const run = expect(runOn(connection({ rollback }), () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
      await clock.advance(1_000)
      await run
      expect(deeds).toEqual(['begin', 'cut', 'destroy'])
      expect(clock.pending()).toBe(0)
    }
  })

  test('that could not be begun is not run', async () => {
    const { runOn, connection, deeds } = openWorld()
    const run = runOn(connection({ begin: () => Promise.reject(new Error('away')) }), () => expect.fail('it has run'))
    await expect(run).rejects.toThrow('away')
    expect(deeds).toEqual(['destroy'])
  })

  test('whose server answers to the commit that it was rolled back rejects, on a connection that is clean', async () => {
    const { runOn, connection, deeds } = openWorld()
    const run = runOn(connection({ commit: async () => new Error('rolled back') }), async () => 'done')
    await expect(run).rejects.toThrow('rolled back')
    expect(deeds).toEqual(['begin', 'close', 'give back'])
  })
})

describe('a commit that fails', () => {
  const told = {
    DEADLOCK: (error: unknown) => hasCode(error, 'transaction-conflict'),
    NO: (error: unknown) => hasOwn(error, 'NO'),
    CLOSED: (error: unknown) => !hasCode(error, 'commit-unknown') && String(error).includes('nothing was committed'),
    ECONNRESET: (error: unknown) => hasCode(error, 'commit-unknown'),
  }
  for (const [code, isTold] of Object.entries(told)) {
    test(`with ${code} is told as what it is, on a connection that is not used again`, async () => {
      const { runOn, connection, deeds } = openWorld()
      await expect(runOn(connection({ commit: () => Promise.reject(coded(code)) }), async () => 'done')).rejects.toSatisfy(isTold)
      expect(deeds).toEqual(['begin', 'close', 'destroy'])
    })

    test(`with ${code} is told through a bridge, too: only that it was not sent is not believed, as a rollback may have been meant`, async () => {
      const isToldThere = code === 'CLOSED' ? told.ECONNRESET : isTold
      const { runThrough, bridge } = openWorld()
      const transaction: TransactionBridge<object>['transaction'] = async (run) => {
        await run({})
        throw coded(code)
      }
      await expect(runThrough(bridge({ transaction }), async () => 'done')).rejects.toSatisfy(isToldThere)
      const committing = () => Promise.reject(coded(code))
      await expect(runThrough(bridge({ committing }), async () => 'done')).rejects.toSatisfy(isToldThere)
    })
  }
})

describe('a transaction through a bridge', () => {
  test('is begun, run and ended in this order, and over before the end', async () => {
    const { runThrough, handedOut, bridge, deeds, tx } = openWorld()
    const committing = async (given: object) => {
      deeds.push('committing')
      expect(() => handedOut.has(given)).toThrow('over')
    }
    const run = runThrough(bridge({ committing }), async (given) => {
      expect(given).toBe(tx)
      expect(handedOut.has(given)).toBe(true)
      deeds.push('run')
      return 'value'
    })
    expect(await run).toBe('value')
    expect(deeds).toEqual(['begun', 'run', 'committing'])
  })

  test.each(['throws', 'rejects'])('rejects with what run %s, whatever the library makes of it', async (how) => {
    const { runThrough, bridge } = openWorld()
    const transaction: TransactionBridge<object>['transaction'] = (run) =>
      run({}).catch((error: unknown) => Promise.reject(new Error('wrapped', { cause: error })))
    // Even what looks like the answer to a commit.
    const mine = coded('ECONNRESET')
    const run = runThrough(bridge({ transaction }), () => {
      if (how === 'throws') throw mine
      return Promise.reject(mine)
    })
    await expect(run).rejects.toBe(mine)
    const conflict = runThrough(bridge({ transaction }), () => Promise.reject(new Error('in a handler', { cause: coded('DEADLOCK') })))
    await expect(conflict).rejects.toSatisfy((error) => hasCode(error, 'transaction-conflict'))
  })

  test('that could not be begun is no unknown commit', async () => {
    const { runThrough, bridge } = openWorld()
    const begun = () => Promise.reject(coded('ECONNRESET'))
    await expect(runThrough(bridge({ begun }), () => expect.fail('it has run'))).rejects.toSatisfy((error) => hasOwn(error, 'ECONNRESET'))
  })

  test('that the library runs again is judged by its last run', async () => {
    const { runThrough, bridge } = openWorld()
    let runs = 0
    const transaction: TransactionBridge<object>['transaction'] = (run) => run({}).catch(() => run({}))
    const again = runThrough(bridge({ transaction }), async () => {
      runs += 1
      if (runs === 1) throw new Error('once')
      return 'value'
    })
    expect(await again).toBe('value')
    runs = 0
    const committing = () => Promise.reject(coded('ECONNRESET'))
    const unknown = runThrough(bridge({ transaction, committing }), async () => {
      runs += 1
      if (runs === 2) throw new Error('the second time')
      return 'value'
    })
    await expect(unknown).rejects.toThrow('the second time')
  })
})

test('what was handed out is known by itself, and not what only looks like it', () => {
  const handedOut = openHandedOut()
  const [one, two] = [{}, () => undefined]
  const end = handedOut.add(one)
  handedOut.add(two)
  expect([handedOut.has(one), handedOut.has(two), handedOut.has({}), handedOut.has('one'), handedOut.has(null)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  end()
  expect(() => handedOut.has(one)).toThrow('This transaction is over')
  expect(handedOut.has(two)).toBe(true)
  handedOut.add('a text')()
  expect(handedOut.has('a text')).toBe(false)
})

test('what says that it is in no transaction is refused', () => {
  const { message } = notInTransaction()
  for (const idle of [{ isTransaction: false }, { inTransaction: false }]) expect(() => refuseIdle(idle)).toThrow(message)
  for (const other of [{ isTransaction: true }, { inTransaction: true }, {}, 'a text', undefined, null]) refuseIdle(other)
})
