import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock, systemRandom, systemRuntime } from 'hapax'
import { anyNonsense, nonsense } from './nonsense.js'

/** What an option may be. */
export interface Rule {
  /** Some values that are taken. */
  readonly good: readonly unknown[]
  /** Whether a value is taken; `perhaps` where that hangs on other options: then it is taken, or refused in their name. */
  fits(value: unknown): boolean | 'perhaps'
  /** How errors call it. @default its own name */
  readonly name?: string
}

/** A rule for each option of these: one that is missing is an error of types. */
export type Rules<Options> = { readonly [Name in keyof Required<Options>]: Rule }

/** Something that takes options, and what it takes as they are. */
export interface Taker<Options> {
  readonly name: string
  readonly base: Options
  readonly rules: Rules<Options>
  /** Takes them, at once or later. */
  take(options: Options): unknown
  /** Whether good values are tried as well: not where they would reach for a server. @default true */
  readonly triesGood?: boolean
  /** Arguments by name, which nobody takes as a whole. @default false */
  readonly isArguments?: boolean
  /** @default 'configuration' */
  readonly code?: string
}

const longest = Number.MAX_SAFE_INTEGER

const optional = (rule: Rule): Rule => ({
  ...rule,
  good: [...rule.good, undefined],
  fits: (value) => value === undefined || rule.fits(value),
})

export const required = {
  text: (most: number, ...good: readonly string[]): Rule => ({
    good,
    fits: (value) => typeof value === 'string' && value !== '' && value.length <= most && value.isWellFormed(),
  }),
  function: (): Rule => ({ good: [() => 'a key', async () => 'a key'], fits: (value) => typeof value === 'function' }),
  methods: (good: object, ...names: readonly string[]): Rule => ({ good: [good], fits: (value) => hasMethods(value, names) }),
}

export const rules = {
  optional,
  /** `surely` is the largest that is taken whatever the other options are. */
  wholeNumber: (least: number, { most = longest, surely = most }: { readonly most?: number; readonly surely?: number } = {}): Rule =>
    optional({
      good: [least, Math.min(surely, least + 1)],
      fits(value) {
        if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least || value > most) return false
        return value <= surely || 'perhaps'
      },
    }),
  steps: (least: number, most = longest): Rule =>
    optional({
      good: [[least], [1_000, 10_000]],
      fits: (value) => areWholeNumbers(value, least, most) && value.every((each, place) => place === 0 || each > (value[place - 1] ?? 0)),
    }),
  identifier: (): Rule =>
    optional({
      good: ['a', '_', 'Select', 'x'.repeat(48)],
      fits: (value) => typeof value === 'string' && /^[A-Za-z_]\w{0,47}$/.test(value),
    }),
  choice: (...choices: readonly string[]): Rule => optional({ good: choices, fits: (value) => choices.includes(value as string) }),
  boolean: (): Rule => optional({ good: [true, false], fits: (value) => typeof value === 'boolean' }),
  text: (most: number, ...good: readonly string[]): Rule => optional(required.text(most, ...good)),
  function: (): Rule => optional(required.function()),
  clock: (): Rule => optional(required.methods(systemClock, 'now', 'epochMs', 'schedule', 'soon')),
  random: (): Rule => optional(required.methods(systemRandom, 'fraction', 'nonce')),
  runtime: (): Rule => optional({ good: [systemRuntime], fits: (value) => value === systemRuntime }),
  signal: (): Rule => optional(required.methods(new AbortController().signal, 'addEventListener', 'throwIfAborted')),
}

export function areWholeNumbers(value: unknown, least: number, most = longest): value is readonly number[] {
  const fits = (each: unknown): boolean => Number.isSafeInteger(each) && Number(each) >= least && Number(each) <= most
  return Array.isArray(value) && value.length > 0 && value.length < 10_000 && Array.from(value).every(fits)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' && value !== null && names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}

/** Each option is taken as its rule says, or refused by an error that names it, shows it, and says what to do. */
export function holdToRules<Options extends object>({
  name,
  base,
  rules: all,
  take,
  triesGood = true,
  isArguments = false,
  code,
}: Taker<Options>): void {
  const outcome = async (options: unknown): Promise<unknown> => {
    try {
      await take(options as Options)
      return undefined
    } catch (error) {
      return error
    }
  }
  const hold = async (option: string, rule: Rule, value: unknown): Promise<void> => {
    const fits = rule.fits(value)
    if (fits === true && !triesGood) return
    const error = await outcome({ ...base, [option]: value })
    if (fits === true) expect(error).toBeUndefined()
    else if (fits === false || error !== undefined) expectRefusal(error, fits === 'perhaps' ? undefined : (rule.name ?? option), code)
  }

  describe(name, () => {
    test.each(Object.entries<Rule>(all as Record<string, Rule>))('%s', async (option, rule) => {
      for (const value of rule.good) expect(rule.fits(value)).not.toBe(false)
      for (const value of [undefined, ...rule.good, ...nonsense]) await hold(option, rule, value)
      await fc.assert(
        fc.asyncProperty(anyNonsense, (value) => hold(option, rule, value)),
        { numRuns: 150 },
      )
    })
    if (isArguments) return
    test('the options themselves', async () => {
      for (const value of nonsense) {
        if (typeof value === 'object' && value !== null && !Array.isArray(value)) continue
        expectRefusal(await outcome(value), undefined, code)
      }
    })
  })
}

export function expectRefusal(error: unknown, option?: string, code = 'configuration'): void {
  expect(error).toMatchObject({ code })
  const { message, ...rest } = error as Error & { readonly option?: string }
  // Names of parts, too: runtime.clock.
  if (option !== undefined) expect(message).toMatch(new RegExp(`^${option}[. ]`))
  if (option !== undefined && code === 'configuration') expect(rest.option).toMatch(new RegExp(`^${option}(\\.|$)`))
  expect(message).toMatch(/must (be|\S+).*, and is .+; try .+/s)
  expect(message.length).toBeLessThan(1_500)
}
