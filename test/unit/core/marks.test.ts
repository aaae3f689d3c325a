import { describe, expect, test } from 'vitest'
import { copyHeaders, deadLetterHeaders, isMark, makeIncoming, readMarks, withoutMarks } from 'hapax'
import type { Marks } from 'hapax'

const marks: Marks = { scope: 'billing.charge', key: 'a key\n', attempts: 2, postponements: 3, replay: false }
const route = { origin: { destination: 'orders', position: '0/7' }, nowEpochMs: 5_000, sinceEpochMs: undefined }
const expected = { scope: 'billing.charge', origin: 'orders' }

describe('the marks of a copy', () => {
  test('are read as they were written', () => {
    expect(readMarks(copyHeaders(marks, route, 700), expected)).toEqual({
      attempts: 2,
      postponements: 3,
      replay: false,
      dueEpochMs: 5_700,
      sinceEpochMs: 5_000,
      position: '0/7',
    })
  })

  test('keep since when it has been put off', () => {
    expect(readMarks(copyHeaders(marks, { ...route, sinceEpochMs: 1_000 }, 700), expected)?.sinceEpochMs).toBe(1_000)
  })

  test.each([
    ['another scope', { ...expected, scope: 'billing.refund' }],
    ['another origin', { ...expected, origin: 'refunds' }],
  ])('are not believed for %s', (_, other) => {
    expect(readMarks(copyHeaders(marks, route, 700), other)).toBeUndefined()
  })

  test('are not believed where there are none', () => {
    expect(readMarks({ trace: 'abc' }, expected)).toBeUndefined()
  })

  test.each(['-1', '1e9', '99999999999999999999', 'NaN', '', ' 1', '0x10'])('count nothing by a number that is none: %j', (forged) => {
    const headers = { ...copyHeaders(marks, route, 700), 'hapax-attempts': forged, 'hapax-due': forged }
    expect(readMarks(headers, expected)).toMatchObject({ attempts: 0, dueEpochMs: undefined })
  })

  test('hold printable text only, whatever key and reason are', () => {
    const headers = deadLetterHeaders({ ...marks, key: '\u0000é\ud800' }, route, new Error('first line\nsecond \u0000 line'))
    for (const [name, value] of Object.entries(headers)) expect(value, name).toMatch(/^[^\u0000-\u001f\u007f]*$/)
    expect(headers['hapax-reason']).toBe('first line second   line')
    expect(headers['hapax-key']).toBe('%00%C3%A9%ud800')
  })

  test('of a very long key hold its beginning, as nothing depends on it there', () => {
    const headers = copyHeaders({ ...marks, key: 'é'.repeat(100_000) }, route, 700)
    expect(headers['hapax-key']).toMatch(/^(%C3%A9){166}%C3%\.\.\.$/)
  })

  test.each(['x'.repeat(1_001), '%', 'é', 'two words', '\n', ''])('believe no position that would grow with each copy: %j', (forged) => {
    const headers = { ...copyHeaders(marks, route, 700), 'hapax-position': forged }
    expect(readMarks(headers, expected)).toMatchObject({ attempts: 2, position: undefined })
  })

  test('count no more than every store can keep', () => {
    const headers = { ...copyHeaders(marks, route, 700), 'hapax-attempts': '999999999', 'hapax-postponements': '1000000000' }
    expect(readMarks(headers, expected)).toMatchObject({ attempts: 999_999_999, postponements: 0 })
  })

  test('are not shown to handlers, but the id is', () => {
    expect(isMark('hapax-attempts')).toBe(true)
    expect(withoutMarks({ 'hapax-attempts': '4', 'hapax-id': 'x', trace: 'abc' })).toEqual({ 'hapax-id': 'x', trace: 'abc' })
    const bytes = new TextEncoder().encode('{"a":1}')
    const origin = { destination: 'orders', position: '0/7' }
    const incoming = makeIncoming({ bytes, headers: () => ({ 'hapax-replay': 'true', trace: 'abc' }), origin, orderingKey: undefined })
    expect(incoming.headers).toEqual({ trace: 'abc' })
    expect(incoming.json()).toEqual({ a: 1 })
  })
})
