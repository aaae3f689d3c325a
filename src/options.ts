import { ConfigurationError } from './errors.js'

interface Bounds<Value> {
  readonly least?: number
  readonly most?: number
  /** A value that would do, for the message. */
  readonly good: Value
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? JSON.stringify(value) : 'an object'
  return String(value)
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
    if (typeof value === 'string' && value !== '' && value.length <= most) return
    throw refuse(
      option,
      typeof value === 'string' && value.length > most ? `${value.slice(0, 20)}…` : value,
      `a text of 1 to ${most} characters`,
      `'${good}'`,
    )
  },
  /** A name that can stand in quotes in any SQL, and in a name made from it: letters, digits and underscores. */
  identifier(option: string, value: unknown, good: string): void {
    if (typeof value === 'string' && /^[A-Za-z_][A-Za-z0-9_]{0,47}$/.test(value)) return
    throw refuse(option, value, 'a name of 1 to 48 letters, digits and underscores that begins with no digit', `'${good}'`)
  },
  function(option: string, value: unknown, good: string): void {
    if (typeof value === 'function') return
    throw refuse(option, value, 'a function', good)
  },
  wholeNumbers(option: string, value: unknown, { least = 0, good }: Bounds<readonly number[]>): void {
    if (Array.isArray(value) && value.length > 0 && value.every((each) => Number.isSafeInteger(each) && each >= least)) return
    throw refuse(option, value, `a list of at least one whole number of at least ${least}`, good)
  },
  methods(option: string, value: unknown, names: readonly string[], good: string): void {
    const missing =
      typeof value === 'object' && value !== null
        ? names.filter((name) => typeof (value as Record<string, unknown>)[name] !== 'function')
        : names
    if (missing.length === 0) return
    throw refuse(option, value, `an object with the methods ${names.join(', ')} (missing: ${missing.join(', ')})`, good)
  },
}
