import { describe, expect, test } from 'vitest'
import { check } from '../../../cli/demo/check.js'
import type { Entry } from '../../../cli/demo/ledger.js'

const payments = [
  { id: 'a', cents: 100, poison: false },
  { id: 'b', cents: 200, poison: false },
  { id: 'p', cents: 400, poison: true },
]
const began = (payment: string, worker = 'w1'): Entry => ({ worker, payment, what: 'began' })
const charged = (payment: string, worker = 'w1'): Entry => ({
  worker,
  payment,
  what: 'charged',
  cents: payments.find(({ id }) => id === payment)?.cents,
})
const settled = (payment: string, worker = 'w1', outcome = 'handled'): Entry => ({ worker, payment, what: 'settled', outcome })
const judge = (entries: readonly Entry[], deadLetters = ['p'], inbox = false): ReturnType<typeof check> =>
  check({ payments, entries, deadLetters, killed: 'w2', inbox })

describe('the checker of the demo', () => {
  test('finds nothing wrong where nothing is', () => {
    expect(judge([began('a'), charged('a'), settled('a'), charged('b'), settled('b')])).toMatchObject({
      ok: true,
      twice: [],
      lost: [],
      chargedCents: 300,
    })
  })

  test('finds what was charged twice, and what that cost', () => {
    expect(judge([charged('a'), charged('b'), charged('b'), charged('b')])).toMatchObject({ ok: false, twice: ['b'], tooMuchCents: 400 })
  })

  test('finds what was lost', () => {
    expect(judge([charged('a')])).toMatchObject({ ok: false, lost: ['b'], lostCents: 200 })
    expect(judge([charged('a'), charged('b')], [])).toMatchObject({ ok: false, lost: ['p'] })
  })

  test('finds a healthy payment among the dead letters', () => {
    expect(judge([charged('a')], ['b', 'p'])).toMatchObject({ ok: false, lost: [], setAside: ['b', 'p'] })
  })

  test('allows twice only what the killed worker had in its hands, and with an inbox not even that', () => {
    const hands = [began('a', 'w2'), charged('a', 'w2'), charged('a'), settled('a'), charged('b')]
    expect(judge(hands)).toMatchObject({ ok: true, twice: ['a'], inHands: ['a'] })
    // With an inbox that excuses nothing.
    expect(judge(hands, ['p'], true)).toMatchObject({ ok: false, twice: ['a'], inHands: ['a'] })
    const done = [began('a', 'w2'), charged('a', 'w2'), settled('a', 'w2'), charged('a'), charged('b')]
    expect(judge(done)).toMatchObject({ ok: false, twice: ['a'], inHands: [] })
  })
})
