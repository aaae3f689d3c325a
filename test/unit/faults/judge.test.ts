import { describe, expect, test } from 'vitest'
import { openBook } from '../../faults/checker/book.js'
import { died, late, stalled } from '../../faults/checker/excuses.js'
import { judge } from '../../faults/checker/judge.js'
import type { Hit, Outage } from '../../faults/checker/excuses.js'
import type { Evidence } from '../../faults/checker/judge.js'
import type { Line, What } from '../../faults/ledger.js'

/** A ledger: `worker ms what message more`. Messages 0 and up are sent at their number of milliseconds; 9 is poison. */
interface History {
  readonly ledger: readonly string[]
  readonly messages?: number
  readonly hits?: readonly Hit[]
  readonly outages?: readonly Outage[]
  readonly change?: Partial<Evidence>
}

function judged({ ledger, messages = 1, hits = [], outages = [], change = {} }: History) {
  const lines = ledger.map((text): Line => {
    const [worker = '', at = '', what = '', message = '', ...more] = text.split(' ')
    return { worker, atMs: Number(at), what: what as What, message: Number(message), more: more.join(' ') }
  })
  const book = openBook()
  for (let message = 0; message < messages; message += 1) book.confirmed(message, message)
  for (const line of lines) {
    if (line.what === 'e') book.effect(line.message, line.atMs)
    else book.line(line)
  }
  const verdict = judge({
    mode: 'lease',
    messages,
    isPoison: (message) => message === 9,
    book,
    linesOf: (wanted) => lines.filter(({ message }) => wanted.has(message)),
    circumstances: { hits, outages, leaseMs: 5_000 },
    deadLetters: [],
    leftOnBroker: 0,
    crashes: [],
    hung: [],
    ...change,
  })
  return { ...verdict, wrong: verdict.lines.filter(({ isWrong }) => isWrong).map(({ what, count }) => `${what}: ${count}`) }
}

const once = ['a 100 b 0 1', 'a 110 e 0', 'a 120 o 0 handled 20.0']

describe('what is fine', () => {
  test('a message that was done once', () => {
    expect(judged({ ledger: once })).toMatchObject({ isOk: true, doubled: [] })
  })

  test('a message whose first worker was killed before it could record it', () => {
    const { isOk, doubled } = judged({
      ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0'],
      hits: [{ worker: 'a', how: 'killed', fromMs: 115, toMs: 120 }],
    })
    expect(isOk).toBe(true)
    expect(doubled).toMatchObject([{ message: '0', times: 2, allowedBy: died }])
  })

  test('a worker that stalled with the effect done, and found its claim lost', () => {
    const { isOk, doubled } = judged({
      ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0', 'a 9000 o 0 lease-lost 8900.0'],
      hits: [{ worker: 'a', how: 'stalled', fromMs: 111, toMs: 8_990 }],
    })
    expect({ isOk, allowedBy: doubled[0]?.allowedBy }).toEqual({ isOk: true, allowedBy: stalled })
  })

  test('a stalled worker one of whose copies was taken away while it stalled', () => {
    const { isOk, doubled } = judged({
      ledger: [
        'a 100 b 0 1',
        'a 8500 o 0 unsettled 10.0',
        'a 8510 e 0',
        'b 6000 b 0 1',
        'b 6010 e 0',
        'b 6020 o 0 handled 20.0',
        'a 9000 o 0 lease-lost 8900.0',
      ],
      hits: [{ worker: 'a', how: 'stalled', fromMs: 111, toMs: 8_490 }],
    })
    expect({ isOk, allowedBy: doubled[0]?.allowedBy }).toEqual({ isOk: true, allowedBy: stalled })
  })

  test('a record that could not be made in time, as the store was away', () => {
    const { isOk, doubled } = judged({
      ledger: ['a 100 b 0 1', 'a 110 e 0', 'a 9000 o 0 unrecorded 8900.0', 'b 9500 b 0 1', 'b 9510 e 0', 'b 9520 o 0 handled 20.0'],
      outages: [{ fromMs: 105, toMs: 9_100 }],
    })
    expect({ isOk, allowedBy: doubled[0]?.allowedBy }).toEqual({ isOk: true, allowedBy: late })
  })

  test('a run that began after the record was made, as its worker stalled between its claim and its run', () => {
    const { isOk } = judged({
      ledger: ['b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0', 'a 9000 b 0 1', 'a 9001 o 0 postponed 8900.0'],
      hits: [{ worker: 'a', how: 'stalled', fromMs: 111, toMs: 8_990 }],
    })
    expect(isOk).toBe(true)
  })

  test('a message that fails for ever, among the dead letters, and a good one whose process was killed too often', () => {
    const { isOk } = judged({
      ledger: once,
      messages: 10,
      change: {
        deadLetters: [
          { message: 9, reason: 'failure 5 of 1000000' },
          ...[1, 2, 3, 4, 5, 6, 7, 8].map((message) => ({ message, reason: 'its lease ended 5 times unsettled: ...' })),
        ],
      },
    })
    expect(isOk).toBe(true)
  })
})

describe('what is not', () => {
  test.each<[string, History, string]>([
    ['a message without an effect', { ledger: once, messages: 2 }, 'lost: 1'],
    [
      'two effects, both recorded',
      { ledger: ['b 90 b 0 1', ...once, 'b 140 e 0', 'b 150 o 0 handled 60.0'] },
      'done more than once, UNEXPLAINED: 1',
    ],
    [
      'two effects of one run',
      { ledger: ['a 100 b 0 1', 'a 110 e 0', 'a 111 e 0', 'a 120 o 0 handled 20.0'] },
      'done more than once, UNEXPLAINED: 1',
    ],
    [
      'a second effect where it was another worker that was killed',
      {
        ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0'],
        hits: [{ worker: 'c', how: 'killed', fromMs: 115, toMs: 120 }],
      },
      'done more than once, UNEXPLAINED: 1',
    ],
    [
      'a worker that was killed before it began',
      {
        ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0'],
        hits: [{ worker: 'a', how: 'killed', fromMs: 50, toMs: 60 }],
      },
      'done more than once, UNEXPLAINED: 1',
    ],
    [
      'a lost lease where the store had been there all the time',
      {
        ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0', 'a 9000 o 0 lease-lost 8900.0'],
        outages: [{ fromMs: 20_000, toMs: 21_000 }],
      },
      'done more than once, UNEXPLAINED: 1',
    ],
    [
      'a run that began after the record was made, though its worker was killed',
      { ledger: [...once, 'b 500 b 0 1'], hits: [{ worker: 'b', how: 'killed', fromMs: 600, toMs: 610 }] },
      'run again after it was recorded: 1',
    ],
    [
      'a good message among the dead letters',
      { ledger: [], change: { deadLetters: [{ message: 0, reason: 'cannot be read' }] } },
      'set aside, though they are good: 1',
    ],
    [
      'a message that fails for ever, and is not among the dead letters',
      {
        ledger: [],
        messages: 10,
        change: { deadLetters: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((message) => ({ message, reason: 'its lease ended 5 times' })) },
      },
      'failing for ever, and not among the dead letters: 1',
    ],
    [
      'a dead letter that nobody sent',
      { ledger: once, change: { deadLetters: [{ message: 77, reason: '' }] } },
      'dead letters of no message: 1',
    ],
    ['something left on the broker', { ledger: once, change: { leftOnBroker: 3 } }, 'left on the broker: 3'],
    ['a worker that crashed', { ledger: once, change: { crashes: ['a with exit status 1'] } }, 'workers crashed: 1'],
    ['a worker that did not stop', { ledger: once, change: { hung: ['a'] } }, 'workers that did not stop in time: 1'],
    [
      'an inbox that did a message twice, whatever was killed',
      {
        ledger: ['a 100 b 0 1', 'a 110 e 0', 'b 6000 b 0 1', 'b 6010 e 0', 'b 6020 o 0 handled 20.0'],
        hits: [{ worker: 'a', how: 'killed', fromMs: 115, toMs: 120 }],
        change: { mode: 'inbox' },
      },
      'done more than once: 1',
    ],
  ])('%s', (_, history, expected) => {
    const { isOk, wrong } = judged(history)
    expect({ isOk, wrong }).toEqual({ isOk: false, wrong: [expected] })
  })
})
