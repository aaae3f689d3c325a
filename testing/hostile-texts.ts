import type { Random } from '../src/index.js'

/** Keys that a text column, a collation, a pattern or a protocol may take for one another, or choke on. */
export const hostileKeys: readonly string[] = [
  '',
  ' ',
  'order',
  'Order',
  'ORDER',
  ' order',
  'order ',
  'order  ',
  'order\t',
  'order\n',
  'order\r\n',
  'order\0',
  'order\0\0',
  '\0',
  'a:b',
  'a:b:',
  'a::b',
  '%',
  '%00',
  '%3a',
  '%25',
  '_',
  'o_der',
  'ord%',
  '*',
  '?',
  '[order]',
  '{order}',
  '{}',
  '{order',
  '}order{',
  '"order"',
  "'order'",
  "'; drop table orders; --",
  '\\',
  '\\0',
  '\u007f',
  '\ud800',
  '\udc00',
  '\ud800\ud801',
  '\ufffd',
  '\ufeff',
  '😀',
  '😁',
  '\ud83d',
  'é',
  'e\u0301',
  'e',
  'ß',
  'ss',
  'ı',
  'i',
  'İ',
  'I',
  'ﬁ',
  'fi',
  '1',
  '1.0',
  '01',
  '１',
  'null',
  'undefined',
  'true',
  'ключ',
  '鍵',
  'x'.repeat(200),
  'x'.repeat(255),
  'x'.repeat(256),
  'x'.repeat(10_000),
  `${'x'.repeat(10_000)}y`,
  `y${'x'.repeat(10_000)}`,
  '鍵'.repeat(84),
  '鍵'.repeat(85),
  '鍵'.repeat(3_000),
]

/** What texts are made of that somebody may choke on. */
const delicate: readonly string[] = [
  ['\u0000', '\u0001', '\n', '\r\n', '\t', ' ', '  ', '\u007f', '\u00a0', '\u200b', '\u202e', '\ufeff', '\ufffd', '\ud800', '\udfff'],
  ['é', 'e\u0301', 'É', 'ß', 'ss', 'ſ', 'K', 'Å', 'A\u030a', 'ﬁ', 'ı', 'İ', '😀', '\ud83d', '\u{1f468}\u200d\u{1f469}', '鍵', '٣'],
  ["'", '"', '`', '\\', '/', '%', '_', '%00', '%25', '%s', '*', '?', '[', ']', '{', '}', '(', ')', '<', '>', '&', '|', ';', ':', '::'],
  ['--', '/*', '$1', '$$', '${', '#', '~', '@', '.', '..', ',', '=', '\\u0000', '\\x00', 'KEYS[1]', "'); drop table orders; --"],
  ['a', 'A', '0', '1', '1e3', 'NaN', 'null', 'constructor', '__proto__', 'x'.repeat(250), 'order'],
].flat()

/** Texts by chance, each another one: short combinations of what is delicate, so that many nearly are one another. */
export function hostileTexts(random: Random, count: number): readonly string[] {
  const texts = new Set<string>()
  while (texts.size < count) {
    const pieces = Array.from(
      { length: 1 + Math.floor(random.fraction() * 4) },
      () => delicate[Math.floor(random.fraction() * delicate.length)],
    )
    texts.add(pieces.join(''))
  }
  return [...texts]
}
