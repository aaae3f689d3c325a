/** Makes one trouble after the other, as the seed has it, with calm in between. */
import { networkFaults } from './network.js'
import { storeAndBrokerFaults } from './servers.js'
import { workerFaults } from './workers.js'
import type { Arena, Fault } from './fault.js'

export const allFaults: readonly Fault[] = [...workerFaults, ...storeAndBrokerFaults, ...networkFaults]

/** Faults by name; `all` and `none`, and groups by the beginning of their names, such as `store`. Throws for what is none. */
export function faultsNamed(names: readonly string[]): readonly Fault[] {
  const chosen = new Set<Fault>()
  for (const name of names) {
    const named = allFaults.filter((fault) => name === 'all' || fault.name === name || fault.name.startsWith(`${name}-`))
    if (named.length === 0 && name !== 'none') {
      throw new RangeError(
        `--nemesis: there is no ${name}; there are all, none, store, broker, ${allFaults.map((fault) => fault.name).join(', ')}`,
      )
    }
    for (const fault of named) chosen.add(fault)
  }
  return [...chosen]
}

/** One fault that was. */
export interface Struck {
  readonly fault: Fault
  readonly detail: string
  readonly fromMs: number
  readonly toMs: number
}

export interface NemesisOptions {
  readonly faults: readonly Fault[]
  /** How much calm there is between two faults, in milliseconds: this, and up to as much again. */
  readonly calmMs: number
  readonly arena: Arena
  readonly isOver: () => boolean
  readonly onStrike: (name: string | undefined) => void
  readonly onStruck: (struck: Struck) => void
}

/** Every fault that fits comes before any comes again. */
export async function rage({ faults, calmMs, arena, isOver, onStrike, onStruck }: NemesisOptions): Promise<void> {
  const fitting = faults.filter((fault) => fault.fits(arena.world))
  let bag: Fault[] = []
  while (!isOver() && fitting.length > 0) {
    await arena.pause(calmMs + arena.chance.below(calmMs))
    if (isOver()) return
    if (bag.length === 0) bag = [...fitting]
    const fault = arena.chance.pick(bag)
    bag.splice(bag.indexOf(fault), 1)
    onStrike(fault.name)
    const fromMs = arena.nowMs()
    const detail = await fault.strike(arena)
    onStrike(undefined)
    onStruck({ fault, detail, fromMs, toMs: arena.nowMs() })
  }
}
