/** How the picture looks: the same colour for the same thing in every run, from the palette of Okabe and Ito, which colour-blind people can tell apart. */

const black = '#000000'
const orange = '#E69F00'
const skyBlue = '#56B4E9'
const green = '#009E73'
const yellow = '#F0E442'
const blue = '#0072B2'
const vermillion = '#D55E00'
const purple = '#CC79A7'
/** For what has no colour of its own. */
const greys = ['#7F7F7F', '#B5B5B5', '#5A5A5A', '#D0D0D0'] as const

/** Of all that is written in the picture: what the reader's system has. */
export const fontFamily = 'system-ui, sans-serif'
/** For what is written first. */
export const ink = '#1F2328'
/** For what explains it. */
export const fadedInk = '#59636E'
/** For the lines between. */
export const rule = '#E4E7EB'

/** Of the curves. */
export const lines = { sent: blue, effects: orange, behind: vermillion, median: blue, p99: orange, records: green } as const

/** Outcomes of which one is worth seeing, however many others there are. They get a row each. */
export const rareOutcomes = ['lease-lost', 'unrecorded', 'dead-lettered', 'unsettled'] as const

const outcomes: Readonly<Record<string, string>> = {
  handled: green,
  duplicate: skyBlue,
  postponed: yellow,
  retried: orange,
  unsettled: blue,
  'lease-lost': vermillion,
  unrecorded: purple,
  'dead-lettered': black,
}

/** The order in which they are stacked and told: those known first, then the others by name. */
export function outcomesInOrder(names: Iterable<string>): readonly string[] {
  const known = Object.keys(outcomes)
  return [...new Set(names)].sort((a, b) => place(known, a) - place(known, b) || (a < b ? -1 : 1))
}

/** `all` are those of the run, by which the ones that have no colour of their own are told apart. */
export function colourOfOutcome(name: string, all: readonly string[]): string {
  return (
    outcomes[name] ??
    greyOf(
      name,
      all.filter((each) => !(each in outcomes)),
    )
  )
}

const faultKinds: Readonly<Record<string, string>> = {
  worker: blue,
  store: vermillion,
  database: vermillion,
  broker: purple,
  network: green,
}

/** The order of the lanes. */
export function faultKindsInOrder(kinds: Iterable<string>): readonly string[] {
  const known = Object.keys(faultKinds)
  return [...new Set(kinds)].sort((a, b) => place(known, a) - place(known, b) || (a < b ? -1 : 1))
}

/** By its kind. */
export function colourOfFault(kind: string): string {
  return faultKinds[kind] ?? greys[0]
}

const ofWorkers = [blue, orange, green, purple, skyBlue, vermillion, black, yellow] as const

/** By its place among the workers, for there may be any number of them. */
export function colourOfWorker(place: number): string {
  return ofWorkers[place % ofWorkers.length] ?? black
}

function place(known: readonly string[], name: string): number {
  const index = known.indexOf(name)
  return index < 0 ? known.length : index
}

function greyOf(name: string, unknown: readonly string[]): string {
  return greys[Math.max(0, unknown.indexOf(name)) % greys.length] ?? greys[0]
}
