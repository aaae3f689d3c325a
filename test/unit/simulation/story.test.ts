import { describe, expect, test } from 'vitest'
import { recordKey } from 'hapax'
import { planOf } from '../../../testing/simulation/planning.js'
import { simulate } from '../../../testing/simulation/simulate.js'
import { tellStory } from '../../../testing/simulation/story.js'
import { memoryPieces } from '../../simulation/pieces.js'
import type { Happening } from '../../../testing/simulation/chronicle.js'
import type { History } from '../../../testing/simulation/history.js'
import type { Plan, PlannedMessage } from '../../../testing/simulation/plan.js'

const message = (id: string, key: string): PlannedMessage => ({ id, key, orderingKey: undefined, atMs: 0, via: 'broker', forged: false })
const right = { aheadMs: 0, rate: 1 }

const plan: Plan = {
  seed: 17,
  settings: {
    leaseMs: 600,
    windowMs: 3_600_000,
    maxAttempts: 3,
    retryDelaysMs: [300, 1_000],
    maxRunMs: 2_400,
    maxLapses: 3,
    transactionLimitMs: 20_000,
    recordTimeoutMs: 600,
    concurrency: 2,
    graceMs: 500,
    whenBusy: 'postpone',
    whenFailed: 'wait',
    whenStoreFails: 'hold',
    transitMs: 2,
    troubleMs: 4_000,
    broker: { duplicate: 0.2, loseAck: 0 },
  },
  workers: [
    { mode: 'lease', clock: right, coalesces: false },
    { mode: 'lease', clock: right, coalesces: false },
    { mode: 'inbox', clock: { aheadMs: -1_500, rate: 1.0005 }, coalesces: true },
  ],
  messages: [message('m1', 'a'), message('m2', 'b '), message('m3', 'a')],
  behaviours: { a: { how: 'fails', times: 1, beforeMs: 100, afterMs: 1_200, heeds: 'nothing', effectFirst: true } },
  faults: [],
}

const record = recordKey('simulated', 'a')
const tokens = { first: 1_700_000_000_000_001, second: 1_700_000_000_000_004 }

const arrival = (atMs: number, worker: string, delivery: number, id: string): Happening => ({
  atMs,
  what: 'arrived',
  worker,
  delivery,
  message: id,
  redelivered: delivery > 2,
  attempts: 0,
  postponements: 0,
  replay: false,
})
const claim = (atMs: number, worker: string, token: number, lapses: number): Happening => ({
  atMs,
  what: 'store',
  worker,
  record,
  step: 'claim',
  nonce: `${worker} ${atMs}`,
  leaseMs: 600,
  memoryMs: 3_600_000,
  status: 'claimed',
  token,
  attempts: 0,
  lapses,
  retryInMs: 0,
})
const renewal = (atMs: number): Happening => ({
  atMs,
  what: 'store',
  worker: 'worker-1',
  record,
  step: 'renew',
  token: tokens.first,
  leaseMs: 600,
  answer: true,
})
const completion = (atMs: number, worker: string, token: number, answer: boolean): Happening => ({
  atMs,
  what: 'store',
  worker,
  record,
  step: 'complete',
  token,
  windowMs: 3_600_000,
  answer,
})
const start = (atMs: number, worker: string, run: number, token: number): Happening => ({
  atMs,
  what: 'started',
  worker,
  run,
  delivery: run,
  message: 'm1',
  key: 'a',
  attempt: 1,
  token,
})

/** A worker stalls in the middle, and another one does its work. */
const overtaken: readonly Happening[] = [
  { atMs: 0, what: 'began', worker: 'worker-1', slot: 0, mode: 'lease' },
  { atMs: 0, what: 'sent', message: 'm1', key: 'a' },
  arrival(1, 'worker-1', 1, 'm1'),
  claim(2, 'worker-1', tokens.first, 0),
  start(3, 'worker-1', 1, tokens.first),
  { atMs: 103, what: 'effect', worker: 'worker-1', run: 1, key: 'a' },
  renewal(202),
  renewal(402),
  { atMs: 410, what: 'sent', message: 'm2', key: 'b ' },
  arrival(411, 'worker-2', 2, 'm2'),
  renewal(602),
  { atMs: 650, what: 'stalled', worker: 'worker-1', forMs: 3_200 },
  arrival(1_300, 'worker-2', 3, 'm1'),
  claim(1_301, 'worker-2', tokens.second, 1),
  start(1_302, 'worker-2', 2, tokens.second),
  { atMs: 1_402, what: 'effect', worker: 'worker-2', run: 2, key: 'a' },
  { atMs: 2_602, what: 'returned', worker: 'worker-2', run: 2, key: 'a' },
  completion(2_603, 'worker-2', tokens.second, true),
  { atMs: 2_604, what: 'ack', worker: 'worker-2', delivery: 3, message: 'm1', takenAway: false },
  { atMs: 2_605, what: 'outcome', worker: 'worker-2', delivery: 3, message: 'm1', outcome: { status: 'handled' } },
  { atMs: 3_850, what: 'resumed', worker: 'worker-1' },
  { atMs: 3_850, what: 'returned', worker: 'worker-1', run: 1, key: 'a' },
  completion(3_851, 'worker-1', tokens.first, false),
  { atMs: 3_852, what: 'ack', worker: 'worker-1', delivery: 1, message: 'm1', takenAway: true },
  { atMs: 3_853, what: 'outcome', worker: 'worker-1', delivery: 1, message: 'm1', outcome: { status: 'lease-lost' } },
  { atMs: 4_000, what: 'calm' },
  { atMs: 4_000, what: 'over', left: 1, deadLetters: [] },
  { atMs: 4_500, what: 'end', records: 1, timers: 0, calls: 2 },
]

const history = (happenings: readonly Happening[], more: Partial<History> = {}): History => ({
  plan,
  happenings,
  violations: [],
  twice: [],
  ...more,
})

/** The lines between the head and the end. */
const told = (happenings: readonly Happening[], more?: Partial<History>): readonly string[] => {
  const lines = tellStory(history(happenings, more))
  const from = lines.indexOf('')
  return lines.slice(from + 1, lines.indexOf('', from + 1))
}

describe('a story', () => {
  test('says of what a history is made, who did what and why, and what took effect again', () => {
    const twice = [{ key: 'a', reason: 'its lease ended before it was recorded' }]
    expect(tellStory(history(overtaken, { twice })).join('\n')).toMatchInlineSnapshot(`
      "seed      17
      workers   worker-1, worker-2: lease
                worker-3: inbox (clock 1.5 s behind, 500 ppm too fast, its steps travel together)
      messages  3 of 2 keys: a (2), "b " (1)
      handler   a fails once (100 ms before its effect, 1.2 s after it, heeds no signal, has its effect first)
      settings  leaseMs 600, windowMs 3600000, maxAttempts 3, retryDelaysMs 300/1000, maxRunMs 2400, maxLapses 3, transactionLimitMs 20000, recordTimeoutMs 600, concurrency 2, graceMs 500, whenFailed wait, transitMs 2
      broker    duplicate 0.2

          0.000  sender    sends m1 (a)
          0.001  worker-1  gets m1 (a); claims a (token 1); starts to handle m1
          0.103  worker-1  has the effect of a; renews a (token 1), 3 times until 0.602
          0.410  sender    sends m2 ("b ")
          0.411  worker-2  gets m2 ("b ")
          0.650  worker-1  stalls for 3.2 s, holding a
          1.300  worker-2  gets m1 (a) again
          1.301  worker-2  claims a (token 2, 1 lapse): the claim of worker-1 (token 1) has lapsed, as worker-1 stalled for 3.2 s at 0.650
          1.302  worker-2  starts to handle m1
          1.402  worker-2  has the effect of a FOR THE 2ND TIME: worker-1 had it at 0.103 and is still at it
          2.602  worker-2  returns from m1; completes a (token 2); acks m1: handled
          3.850  worker-1  goes on
          3.850  worker-1  returns from m1; cannot complete a (token 1): worker-2 has completed it
          3.852  worker-1  acks m1: lease-lost, but it was taken away before
          4.000            all trouble is over
          4.000            1 message left, though waited for long enough
          4.500            all have stopped (2 calls left)

      Nothing was violated.
      Took effect again: a (its lease ended before it was recorded)."
    `)
  })

  test('is about one key, and what befell workers and servers', () => {
    const about = tellStory(history(overtaken), { about: 'b ' }).join('\n')
    expect(about).toContain('gets m2 ("b ")')
    expect(about).toContain('stalls for 3.2 s')
    expect(about).not.toContain('m1')
  })

  test('shows what was violated where it was, and again at the end with what should have held', () => {
    const violations = [
      { property: 'a-property-of-tomorrow', message: 'something is wrong at the end', atMs: 4_500 },
      { property: 'store-keeps-its-contract', message: `${record} is held with ${tokens.second}`, atMs: 1_301 },
    ]
    const lines = tellStory(history(overtaken, { violations }))
    const at = lines.findIndex((line) => line.includes('claims a (token 2'))
    expect(lines[at + 1]).toBe('    1.301  !!!!!!!!  VIOLATED: store-keeps-its-contract: a is held with 2')
    expect(lines.slice(lines.lastIndexOf('') + 1)).toEqual([
      expect.stringMatching(/^VIOLATED: store-keeps-its-contract: .*contract/),
      '    1.301  a is held with 2',
      'VIOLATED: a-property-of-tomorrow',
      '    4.500  something is wrong at the end',
      'Nothing took effect twice.',
    ])
  })

  test('shows of one property only as many violations at its end as are needed to see of what kind they are', () => {
    const violations = [1, 2, 3, 4, 5].map((number) => ({ property: 'p', message: `number ${number}`, atMs: number * 500 }))
    const lines = tellStory(history(overtaken, { violations }))
    expect(lines.filter((line) => line.includes('VIOLATED: p: number'))).toHaveLength(5)
    expect(lines.slice(-5)).toEqual([
      '    0.500  number 1',
      '    1.000  number 2',
      '    1.500  number 3',
      '           and 2 more',
      'Nothing took effect twice.',
    ])
  })

  test('shows violations of a history in which nothing happened', () => {
    const violations = [{ property: 'p', message: 'it threw', atMs: 0 }]
    expect(tellStory(history([], { violations })).slice(-3)).toEqual(['VIOLATED: p', '    0.000  it threw', 'Nothing took effect twice.'])
  })
})

describe('why', () => {
  const dies: Happening = { atMs: 650, what: 'crashed', worker: 'worker-1', killedBy: undefined }

  test.each([
    ['it died', dies, 'died at 0.650'],
    ['it stalled', { atMs: 650, what: 'stalled', worker: 'worker-1', forMs: 900 } satisfies Happening, 'stalled for 900 ms at 0.650'],
    [
      'it was cut off',
      { atMs: 1, what: 'cut', worker: 'worker-1', from: 'store', how: 'deaf', forMs: 2_000 } satisfies Happening,
      'was cut off from the store for 2.0 s at 0.001',
    ],
    [
      'the store was away',
      { atMs: 650, what: 'store-away', how: 'silent', forMs: 700 } satisfies Happening,
      'found the store away for 700 ms at 0.650',
    ],
    ['another one died', { ...dies, worker: 'worker-3' }, 'did not renew it'],
    [
      'another server was cut off',
      { atMs: 650, what: 'cut', worker: 'worker-1', from: 'broker', how: 'deaf', forMs: 9 } satisfies Happening,
      'did not renew it',
    ],
    ['what was over before', { atMs: 0, what: 'stalled', worker: 'worker-1', forMs: 1 } satisfies Happening, 'did not renew it'],
  ])('a claim lapsed: %s', (_, befell, why) => {
    const happenings = [claim(2, 'worker-1', tokens.first, 0), befell, claim(1_301, 'worker-2', tokens.second, 1)]
    const lines = told(happenings.toSorted((one, other) => one.atMs - other.atMs))
    expect(lines.at(-1)).toContain(`claims a (token 2, 1 lapse): the claim of worker-1 (token 1) has lapsed, as worker-1 ${why}`)
  })

  test('a consumed key can be claimed again: the window is over, or the store forgot', () => {
    const consumed = [claim(2, 'worker-1', tokens.first, 0), completion(3, 'worker-1', tokens.first, true)]
    expect(told([...consumed, claim(900, 'worker-2', tokens.second, 0)]).at(-1)).toContain(
      'that worker-1 consumed it at 0.003 is forgotten',
    )
    expect(told([...consumed, claim(3_600_003, 'worker-2', tokens.second, 0)]).at(-1)).toContain('the window since 0.003 is over')
  })

  test('a second effect stands out, unless the first run asked for it by throwing', () => {
    const effect = (atMs: number, run: number): Happening => ({ atMs, what: 'effect', worker: 'worker-1', run, key: 'a' })
    const first = [start(1, 'worker-1', 1, 1), effect(2, 1)]
    const again = [start(500, 'worker-1', 2, 2), effect(501, 2)]
    const threw: Happening = { atMs: 3, what: 'threw', worker: 'worker-1', run: 1, key: 'a', why: 'fails' }
    expect(told([...first, ...again]).at(-1)).toContain('FOR THE 2ND TIME: worker-1 had it at 0.002 and is still at it')
    expect(told([...first, threw, ...again]).at(-1)).toContain('for the 2nd time: worker-1 had it at 0.002 and threw')
    expect(told([...first, dies, ...again.map((each) => ({ ...each, worker: 'worker-2' }))]).at(-1)).toContain(
      'worker-1 had it at 0.002 and died',
    )
  })
})

describe('a history that was played', () => {
  /** The process dies between the effect and its record, and the message comes again. */
  const dying: Plan = {
    ...plan,
    settings: { ...plan.settings, transitMs: 0, broker: {} },
    workers: [{ mode: 'lease', clock: right, coalesces: false }],
    messages: [message('m1', 'order-1')],
    behaviours: {},
    faults: [{ what: 'crash', worker: 0, when: { worker: 0, point: 'effect', nth: 1, side: 'after' }, downMs: 100 }],
  }

  test('is told as it went', async () => {
    expect(tellStory(await simulate(dying, memoryPieces())).join('\n')).toMatchInlineSnapshot(`
      "seed      17
      workers   worker-1: lease
      messages  1 of 1 key: order-1 (1)
      handler   works at once
      settings  leaseMs 600, windowMs 3600000, maxAttempts 3, retryDelaysMs 300/1000, maxRunMs 2400, maxLapses 3, transactionLimitMs 20000, recordTimeoutMs 600, concurrency 2, graceMs 500, whenFailed wait, transitMs 0

          0.000  sender      sends m1 (order-1)
          0.000  worker-1    gets m1 (order-1); claims order-1 (token 1); starts to handle m1; has the effect of order-1
          0.000  worker-1    dies, holding order-1
          0.100  worker-1.2  begins
          0.567  worker-1    is found dead by the broker
          0.567  worker-1.2  gets m1 (order-1) again; is told that order-1 is busy for another 33 ms: worker-1 holds it (token 1)
          0.567  worker-1.2  postpones m1 by 33 ms
          0.600  worker-1.2  gets m1 (order-1) again (after 1 postponement)
          0.600  worker-1.2  claims order-1 (token 2, 1 lapse): the claim of worker-1 (token 1) has lapsed, as worker-1 died at 0.000
          0.600  worker-1.2  starts to handle m1; has the effect of order-1 FOR THE 2ND TIME: worker-1 had it at 0.000 and died
          0.600  worker-1.2  returns from m1; completes order-1 (token 2); acks m1: handled
          0.600              all trouble is over
          0.600              everything is settled
          0.600              all have stopped

      Nothing was violated.
      Took effect again: order-1 (its process died before it was recorded)."
    `)
  })

  test('is told the same each time, and in words only', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const played = await simulate(planOf(seed, { forgets: seed % 2 === 0 }), memoryPieces())
      const lines = tellStory(played)
      expect(tellStory(played)).toEqual(lines)
      expect(lines.length).toBeGreaterThan(10)
      for (const line of lines) expect(line).not.toMatch(/undefined|NaN|Infinity|\[object|simulated:|token 0|1700\d{12}/)
    }
  })
})
