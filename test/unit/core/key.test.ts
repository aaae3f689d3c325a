import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import { encodeKey, recordKey } from 'hapax'

const anyText = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 300 })

describe('recordKey', () => {
  test('is readable while it is short', () => {
    expect(recordKey('billing.charge', 'order-17')).toBe('billing.charge:order-17')
  })

  test('tells every pair of scope and key apart', () => {
    expect(recordKey('a:b', 'c')).not.toBe(recordKey('a', 'b:c'))
    expect(recordKey('', ':')).not.toBe(recordKey(':', ''))
    expect(recordKey('s', '%')).not.toBe(recordKey('s', '%25'))
    expect(recordKey('s', '\ud800')).not.toBe(recordKey('s', '\ud801'))
    expect(recordKey('s', '\ud800')).not.toBe(recordKey('s', '\ufffd'))
    const long = 'x'.repeat(400)
    expect(recordKey('s', `${long}a`)).not.toBe(recordKey('s', `${long}b`))
    expect(recordKey(long, 'a')).not.toBe(recordKey(long, 'b'))
  })

  test('is well-formed, without NUL, at most 255 bytes, and injective, whatever it is made from', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, (scope, key, otherScope, otherKey) => {
        const record = recordKey(scope, key)
        expect(record.isWellFormed()).toBe(true)
        expect(record).not.toContain('\0')
        expect(Buffer.byteLength(record)).toBeLessThanOrEqual(255)
        expect(record === recordKey(otherScope, otherKey)).toBe(scope === otherScope && key === otherKey)
      }),
    )
  })

  test('a hashed key is no plain key', () => {
    const hashed = recordKey('s', 'x'.repeat(400))
    expect(recordKey('s', hashed.slice(2))).not.toBe(hashed)
  })
})

describe('encodeKey', () => {
  test('is printable ASCII without blanks, and another text for every key', () => {
    fc.assert(
      fc.property(anyText, anyText, (key, other) => {
        expect(encodeKey(key)).toMatch(/^[\x21-\x7e]*$/)
        expect(encodeKey(key) === encodeKey(other)).toBe(key === other)
      }),
    )
  })
})
