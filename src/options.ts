import { ConfigurationError } from './errors.js'

interface Bounds<Value> {
  readonly least?: number
  readonly most?: number
  /** A value that would do, for the message. */
  readonly good: Value
}

/** A value for a message: short, whatever it is, and nothing of it is called. */
function show(value: unknown): string {
  if (!Array.isArray(value)) return showOne(value)
  const shown = Array.from(value.slice(0, 20), (each) => showOne(each))
  return `[${shown.join(',')}${value.length > shown.length ? ',…' : ''}]`
}

function showOne(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > 100 ? `${JSON.stringify(value.slice(0, 100))}…` : JSON.stringify(value)
    case 'function':
      return 'a function'
    case 'bigint':
      return 'a bigint'
    case 'symbol':
      return 'a symbol'
    case 'object':
      return value === null ? 'null' : Array.isArray(value) ? 'a list' : 'an object'
    default:
      return String(value)
  }
}

/** The error for an option that cannot be: names it, its value, what it must be, and one that would do. */
export function refuse(option: string, value: unknown, must: string, good: unknown): ConfigurationError {
  return new ConfigurationError(
    option,
    `${option} must be ${must}, and is ${show(value)}; try ${typeof good === 'string' ? good : show(good)}`,
  )
}

/** Checks of options that every part makes in the same words. Each throws a `ConfigurationError`. For whoever writes a store or a transport, too. */
export const refuseUnless = {
  wholeNumber(option: string, value: unknown, { least = 0, most = Number.MAX_SAFE_INTEGER, good }: Bounds<number>): void {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most) return
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`
    throw refuse(option, value, `a whole number of at least ${least}${upTo}`, good)
  },
  oneOf<Value extends string>(option: string, value: unknown, choices: readonly [Value, ...Value[]]): void {
    if (choices.some((choice) => choice === value)) return
    throw refuse(option, value, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, `'${choices[0]}'`)
  },
  text(option: string, value: unknown, { most = 10_000, good }: Bounds<string>): void {
    if (typeof value !== 'string' || value === '' || value.length > most)
      throw refuse(option, value, `a text of 1 to ${most} characters`, `'${good}'`)
    // As UTF-8 every half of a pair is the same replacement character: two names would be one.
    if (!value.isWellFormed()) throw refuse(option, value, 'a text without half of a surrogate pair', `'${good}'`)
  },
  /** A name that can stand in quotes in any SQL, and in a name made from it: letters, digits and underscores. */
  identifier(option: string, value: unknown, good: string): void {
    if (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(value)) return
    throw refuse(option, value, 'a name of 1 to 48 letters, digits and underscores that begins with no digit', `'${good}'`)
  },
  boolean(option: string, value: unknown, good: boolean): void {
    if (typeof value !== 'boolean') throw refuse(option, value, 'true or false', good)
  },
  /** The options themselves. */
  options(value: unknown, good: string, option = 'options'): void {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
    throw refuse(option, value, 'an object', good)
  },
  function(option: string, value: unknown, good: string): void {
    if (typeof value === 'function') return
    throw refuse(option, value, 'a function', good)
  },
  wholeNumbers(option: string, value: unknown, { least = 0, most = Number.MAX_SAFE_INTEGER, good }: Bounds<readonly number[]>): void {
    const isWrong = (each: unknown): boolean => !(Number.isSafeInteger(each) && Number(each) >= least && Number(each) <= most)
    // Not `every`, which passes over holes.
    if (Array.isArray(value) && value.length > 0 && value.findIndex(isWrong) < 0) return
    const upTo = most === Number.MAX_SAFE_INTEGER ? '' : ` and at most ${most}`
    throw refuse(option, value, `a list of at least one whole number of at least ${least}${upTo}`, good)
  },
  methods(option: string, value: unknown, names: readonly string[], good: string): void {
    const missing =
      typeof value === 'object' && value !== null
        ? names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function')
        : names
    if (missing.length === 0) return
    throw refuse(option, value, `an object with the methods ${names.join(', ')} (missing: ${missing.join(', ')})`, good)
  },
  clock(option: string, value: unknown): void {
    refuseUnless.methods(option, value, ['now', 'epochMs', 'schedule', 'soon'], 'systemClock')
  },
  random(option: string, value: unknown): void {
    refuseUnless.methods(option, value, ['fraction', 'nonce'], 'systemRandom')
  },
  signal(option: string, value: unknown): void {
    if (value !== undefined) refuseUnless.methods(option, value, ['addEventListener', 'throwIfAborted'], 'new AbortController().signal')
  },
}
