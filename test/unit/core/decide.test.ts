import { describe, expect, test } from 'vitest'
import { DeadLetterError } from 'hapax'
import { decide } from '../../../src/decide.js'
import type { Counts, Happened, Policy } from '../../../src/decide.js'

const policy: Policy = {
  leaseMs: 30_000,
  maxAttempts: 5,
  maxLapses: 5,
  retryDelaysMs: [1_000, 10_000],
  whenBusy: 'postpone',
  whenFailed: 'postpone',
}
const counts: Counts = { attempts: 1, lapses: 2, postponements: 3 }
const kept = { attempts: 1, lapses: 2, restMs: 0 }
const forgotten = { attempts: 0, lapses: 0, restMs: 0 }
const error = new Error('no money')

const row = (happened: Happened, some: Partial<Counts> = {}, other: Partial<Policy> = {}): ReturnType<typeof decide> =>
  decide(happened, { ...counts, ...some }, { ...policy, ...other })

describe('the table', () => {
  test('what cannot be read is set aside with the error, and has no record', () => {
    expect(row({ what: 'unreadable', error })).toEqual({
      settle: { how: 'dead-letter', reason: 'could not be read: no money', attempts: 1 },
      outcome: 'dead-lettered',
      error,
    })
  })

  test('what has not started gives its claim back uncounted and is left', () => {
    expect(row({ what: 'not-started' })).toEqual({ release: kept, settle: { how: 'leave' }, outcome: 'unsettled' })
  })

  test('a consumed key is acked', () => {
    expect(row({ what: 'consumed' })).toEqual({ settle: { how: 'ack' }, outcome: 'duplicate' })
  })

  test('a busy key postpones by what is left, counted as postponement and not as attempt; what is held is given back', () => {
    expect(row({ what: 'busy', retryInMs: 700 })).toEqual({
      release: kept,
      settle: { how: 'postpone', delayMs: 700, attempts: 1, postponements: 4, replay: true },
      outcome: 'postponed',
    })
  })

  test('however often it was busy, it is not dead-lettered', () => {
    expect(row({ what: 'busy', retryInMs: 700 }, { postponements: 10_000, attempts: 4 }).outcome).toBe('postponed')
  })

  test('a busy key waits in place where that is asked for', () => {
    expect(row({ what: 'busy', retryInMs: 700 }, {}, { whenBusy: 'wait' })).toMatchObject({
      release: kept,
      settle: { how: 'again', afterMs: 700, kind: 'ordinary', attempts: 1 },
    })
  })

  test('a suspect gives its claim back uncounted and stays until its turn', () => {
    expect(row({ what: 'suspect', kind: 'alone' })).toEqual({
      release: kept,
      settle: { how: 'again', afterMs: 0, kind: 'alone', attempts: 1 },
      outcome: 'unsettled',
    })
  })

  test('a killer is set aside unrun, and its lapses stay for the next copy', () => {
    const decision = row({ what: 'killer' }, { lapses: 6 })
    expect(decision.release).toEqual({ attempts: 0, lapses: 5, restMs: 0 })
    expect(decision.settle).toEqual({ how: 'dead-letter', reason: expect.stringContaining('ended 6 times') as string, attempts: 1 })
  })

  test('a replay that is still remembered is forgotten and goes round once as an ordinary copy', () => {
    expect(row({ what: 'replay' })).toEqual({
      release: forgotten,
      settle: { how: 'postpone', delayMs: 1_000, attempts: 0, postponements: 3, replay: false },
      outcome: 'postponed',
    })
  })

  test('returned and recorded: acked, handled', () => {
    expect(row({ what: 'returned', recorded: 'yes' })).toEqual({ settle: { how: 'ack' }, outcome: 'handled' })
  })

  test('returned after a newer claim: acked, lease-lost', () => {
    expect(row({ what: 'returned', recorded: 'superseded' })).toEqual({ settle: { how: 'ack' }, outcome: 'lease-lost' })
  })

  test('returned and not recorded: acked, unrecorded', () => {
    expect(row({ what: 'returned', recorded: 'unknown', error })).toEqual({ settle: { how: 'ack' }, outcome: 'unrecorded', error })
  })

  test('threw with attempts left: remembers the attempt, rests for the back-off, postpones by the same', () => {
    expect(row({ what: 'threw', error, cut: 'no' })).toEqual({
      release: { attempts: 2, lapses: 2, restMs: 10_000 },
      settle: { how: 'postpone', delayMs: 10_000, attempts: 2, postponements: 3, replay: false },
      outcome: 'retried',
      error,
    })
  })

  test('the first failure has the first delay, and failures beyond the list the last', () => {
    expect(row({ what: 'threw', error, cut: 'no' }, { attempts: 0 }).release?.restMs).toBe(1_000)
    expect(row({ what: 'threw', error, cut: 'no' }, { attempts: 3 }).release?.restMs).toBe(10_000)
  })

  test('threw and waits in place where that is asked for', () => {
    expect(row({ what: 'threw', error, cut: 'no' }, {}, { whenFailed: 'wait' }).settle).toEqual({
      how: 'again',
      afterMs: 10_000,
      kind: 'ordinary',
      attempts: 2,
    })
  })

  test('threw with none left: set aside, and nothing remembered', () => {
    expect(row({ what: 'threw', error, cut: 'no' }, { attempts: 4 })).toEqual({
      release: forgotten,
      settle: { how: 'dead-letter', reason: 'failed 5 times: no money', attempts: 5 },
      outcome: 'dead-lettered',
      error,
    })
  })

  test('DeadLetterError: set aside at once', () => {
    const dead = new DeadLetterError('card is closed')
    expect(row({ what: 'threw', error: dead, cut: 'no' }, { attempts: 0 })).toEqual({
      release: forgotten,
      settle: { how: 'dead-letter', reason: 'card is closed', attempts: 1 },
      outcome: 'dead-lettered',
      error: dead,
    })
  })

  test.each([error, new DeadLetterError('card is closed')])(
    'threw after the claim or the store was lost: uncounted, no rest, by the first step (%s)',
    (thrown) => {
      expect(row({ what: 'threw', error: thrown, cut: 'lost' }, { attempts: 4 })).toEqual({
        release: { attempts: 4, lapses: 2, restMs: 0 },
        settle: { how: 'postpone', delayMs: 1_000, attempts: 4, postponements: 4, replay: true },
        outcome: 'postponed',
      })
    },
  )

  test('threw at the end of the grace time: uncounted, left to the broker', () => {
    expect(row({ what: 'threw', error, cut: 'stopping' })).toEqual({ release: kept, settle: { how: 'leave' }, outcome: 'unsettled' })
  })

  test('abandoned: the claim is left to lapse, the delivery postponed', () => {
    expect(row({ what: 'abandoned' })).toEqual({
      settle: { how: 'postpone', delayMs: 1_000, attempts: 1, postponements: 4, replay: false },
      outcome: 'postponed',
    })
  })

  test('still running at the end of the grace time: rests as long as a lease, so that nobody runs beside it', () => {
    expect(row({ what: 'handed-back' })).toEqual({
      release: { attempts: 1, lapses: 2, restMs: 30_000 },
      settle: { how: 'leave' },
      outcome: 'unsettled',
    })
  })
})
