import fc from 'fast-check'

const throwing = {
  toString(): never {
    throw new Error('nobody is to ask')
  },
  toJSON(): never {
    throw new Error('nobody is to ask')
  },
}
const circular: unknown[] = []
circular.push(circular)

/** What people hand in by mistake, and what JavaScript chokes on where it is not looked at. */
export const nonsense: readonly unknown[] = [
  null,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  -1,
  0,
  -0,
  0.5,
  1,
  7,
  50,
  1_000,
  65_536,
  2 ** 31,
  2 ** 32,
  1e15,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER + 1,
  Number.MIN_SAFE_INTEGER,
  1e21,
  5e-324,
  '',
  ' ',
  '5',
  '30s',
  'true',
  'undefined',
  'orders',
  'x'.repeat(60),
  'x'.repeat(300),
  'x'.repeat(100_000),
  '\ud800',
  'a\u0000b',
  'ü'.repeat(130),
  "'; drop table orders; --",
  true,
  false,
  1n,
  Symbol('a symbol'),
  Symbol.iterator,
  {},
  Object.create(null),
  throwing,
  [],
  [5],
  [1_000, 10_000],
  [10_000, 1_000],
  [1_000, 1_000],
  [Number.NaN],
  [1n],
  [Symbol('in a list')],
  ['5'],
  [null],
  [throwing],
  [1_000, [2_000]],
  circular,
  Object.assign([], { length: 3 }),
  Object.assign([], { length: 2 ** 32 - 1 }),
  Array.from({ length: 1_000 }, () => -1),
  () => 5,
  () => {
    throw new Error('nobody is to call')
  },
  class {},
  new Date(0),
  new Map([['a', 1]]),
  new Set([1]),
  Object(5),
  Object('orders'),
  Object(false),
  new Proxy({}, {}),
  Promise.resolve(5),
  new Uint8Array(3),
  new Error('no option'),
  /orders/,
]

/** The same and whatever else there may be. */
export const anyNonsense: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...nonsense) },
  {
    weight: 3,
    arbitrary: fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withNullPrototype: true,
      withSparseArray: true,
      withSet: true,
    }),
  },
  { weight: 1, arbitrary: fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger(), fc.bigInt()) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
)
