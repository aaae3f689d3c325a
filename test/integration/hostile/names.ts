import fc from 'fast-check'
import { hasCode } from 'hapax'

/** Names that leave the quotes they are put in, are taken for a pattern, or are cut off. */
export const hostileNames: readonly string[] = [
  ["a'", 'a"', 'a`', 'a\\', "a'; drop table canary; --", 'a"; drop table canary; --', 'a`; drop table canary; --', 'a" (x int); --'],
  [
    'a;',
    'a--',
    'a/*',
    'a.b',
    'a b',
    ' a',
    'a ',
    'a\u0000',
    'a\u0000b',
    'a\n',
    '\na',
    'a\r\nb',
    '%',
    'a%',
    '%s',
    '$1',
    '?',
    '${a}',
    '#',
    '*',
  ],
  [
    '{}',
    '{a}',
    '[a]',
    '(a)',
    ':',
    'a:b',
    '@a',
    '../a',
    'ключ',
    'é',
    'e\u0301',
    '😀',
    '\ud800',
    '\u202e',
    '１',
    '1',
    '1a',
    '-1',
    '',
    'null',
  ],
  [
    'select',
    'SELECT',
    'Table',
    'user',
    'order',
    'public',
    'canary',
    '_',
    '__',
    'a',
    'A',
    'x'.repeat(48),
    'x'.repeat(49),
    'x'.repeat(64),
    'x'.repeat(300),
  ],
  ['pg_class', 'mysql', 'information_schema', 'sqlite_master', 'SQLITE_x'],
].flat()

/** The same, and others, of which some are names like any. */
export const anyName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(...hostileNames),
  fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,47}$/),
  fc.string({ unit: fc.constantFrom(...Array.from('aZ_09\'"`;\\%-. \0\n$é😀')), maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
)

/** What was made of the name; undefined where it was refused as an option that cannot be. */
export function unlessRefused<Made>(option: string, make: () => Made): Made | undefined {
  try {
    return make()
  } catch (error) {
    if (!hasCode(error, 'configuration') || (error as { readonly option?: unknown }).option !== option) throw error
    return undefined
  }
}
