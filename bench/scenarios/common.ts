import type { Case, Entrant, Measure, Target } from '../scenario.js'

/** How many are called at once. */
export const concurrencies: readonly Case[] = ['1', '16', '64', '256'].map((concurrency) => ({
  name: concurrency,
  settings: { concurrency },
  isQuick: concurrency === '1' || concurrency === '64',
}))

/** Of the measuring `calls`. */
export const callSettings = { handlerMs: '0', warmMs: '2500', forMs: '1500', keys: '200000' }
export const quickCallSettings = { warmMs: '200', forMs: '400' }

export const newKeys: Measure = { name: 'new', title: 'new keys', unit: 'per second', better: 'more' }
export const duplicates: Measure = { name: 'duplicate', title: 'duplicates', unit: 'per second', better: 'more' }
export const cpu: Measure = {
  name: 'newCpuUs',
  title: 'processor time of the client for a new key',
  unit: 'µs',
  better: 'less',
  isAside: true,
}

/** Ratios at 1, 16, 64 and 256 at once. */
export function atLeast(entrant: string, against: string, measure: Measure, ...four: readonly number[]): Target {
  const values = Object.fromEntries(four.map((value, index) => [concurrencies[index]?.name ?? '', value]))
  return { entrant, against, measure: measure.name, bound: 'at least', values }
}

/** A ratio at 64 at once. */
export function atLeastAt64(entrant: string, against: string, measure: Measure, value: number): Target {
  return { entrant, against, measure: measure.name, bound: 'at least', values: { '64': value } }
}

/** What all tables call them. */
export const storeName = 'hapax, store alone'
export const handledName = 'hapax, handled'

export const ours = { isOurs: true } satisfies Partial<Entrant>
