import type { Fault, Point, When } from '../plan.js'
import type { Scheduler } from '../scheduler.js'
import type { Pass } from '../world.js'

export type CallFault = Extract<Fault, { what: 'call' }>

/** Has the faults of a plan happen: some by the clock, some when a worker comes to a certain point for the nth time. */
export interface Nemesis {
  /** For worker number `slot`, whichever process stands for it at the moment. */
  passFor(slot: number): Pass
  /** Nothing lies in wait any more. */
  rest(): void
}

type Ambush = Fault & { readonly when: Extract<When, { point: Point }> }

export function openNemesis(faults: readonly Fault[], scheduler: Scheduler, strike: (fault: Exclude<Fault, CallFault>) => void): Nemesis {
  let resting = false
  const ambushes = new Map<string, { passed: number; readonly waiting: Ambush[] }>()
  const place = (worker: number, point: Point, side: 'before' | 'after'): string => `${worker} ${point} ${side}`

  for (const fault of faults) {
    const { when } = fault
    if ('atMs' in when) {
      if (fault.what !== 'call') scheduler.schedule(when.atMs, () => strike(fault))
      continue
    }
    const { worker, point, side } = when
    const known = ambushes.get(place(worker, point, side))
    if (known) known.waiting.push({ ...fault, when })
    else ambushes.set(place(worker, point, side), { passed: 0, waiting: [{ ...fault, when }] })
  }

  return {
    passFor: (slot) => (point, side) => {
      const here = ambushes.get(place(slot, point, side))
      if (!here || resting) return undefined
      here.passed += 1
      let call: CallFault | undefined
      for (const fault of here.waiting) {
        if (fault.when.nth !== here.passed) continue
        if (fault.what === 'call') call = fault
        else strike(fault)
      }
      return call
    },
    rest() {
      resting = true
    },
  }
}
