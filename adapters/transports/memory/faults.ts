import { refuse, refuseUnless } from '../../../src/index.js'
import type { Random } from '../../../src/index.js'

/** What a memory broker does wrong on request. Chances go from 0 (never, the default of each) to 1 (always). */
export interface BrokerFaults {
  /** A published message is stored twice, as after a producer's retry. @default 0 */
  readonly duplicate?: number | undefined
  /** Not the oldest message is handed over next, but any. Messages of one ordering key keep their order. @default 0 */
  readonly reorder?: number | undefined
  /** An ack is confirmed and forgotten: the delivery comes again. @default 0 */
  readonly loseAck?: number | undefined
  /** `publish` rejects, and nothing was stored. @default 0 */
  readonly publishFails?: number | undefined
  /** `publish` rejects, but all was stored. @default 0 */
  readonly publishUnknown?: number | undefined
  /** Storing a copy or a dead letter rejects, and nothing was stored. @default 0 */
  readonly copyFails?: number | undefined
  /** Storing a copy or a dead letter rejects, but it was stored. @default 0 */
  readonly copyUnknown?: number | undefined
  /** A delivery is on its way for up to so many milliseconds, a whole number of at least 0. @default 0 */
  readonly deliveryDelayMs?: number | undefined
}

type Chance = Exclude<keyof BrokerFaults, 'deliveryDelayMs'>

const chances: readonly Chance[] = ['duplicate', 'reorder', 'loseAck', 'publishFails', 'publishUnknown', 'copyFails', 'copyUnknown']

/** The dice of a broker. Chance is asked only for faults that are wanted, so that a history stays the same when another fault is added. */
export interface Dice {
  readonly set: (faults: BrokerFaults) => void
  happens(fault: Chance): boolean
  deliveryDelayMs(): number
  /** A whole number from 0 to `count` - 1: 0 unless messages are to be reordered. */
  readonly pick: (count: number) => number
}

export function openDice(random: Random, initial: BrokerFaults): Dice {
  let faults: BrokerFaults = {}
  const happens = (fault: Chance): boolean => {
    const chance = faults[fault] ?? 0
    return chance > 0 && random.fraction() < chance
  }
  const set = (wanted: BrokerFaults): void => {
    refuseUnless.options(wanted, '{ duplicate: 0.1 }', 'faults')
    for (const fault of chances) {
      const { [fault]: chance = 0 }: Partial<Record<Chance, unknown>> = wanted
      if (!(typeof chance === 'number' && chance >= 0 && chance <= 1)) throw refuse(`faults.${fault}`, chance, 'a number from 0 to 1', 0.1)
    }
    const { deliveryDelayMs = 0 } = wanted
    refuseUnless.wholeNumber('faults.deliveryDelayMs', deliveryDelayMs, { least: 0, good: 50 })
    faults = { ...wanted }
  }
  set(initial)
  return {
    set,
    happens,
    deliveryDelayMs: () => (faults.deliveryDelayMs ? Math.floor(random.fraction() * (faults.deliveryDelayMs + 1)) : 0),
    pick: (count) => (count > 1 && happens('reorder') ? Math.floor(random.fraction() * count) : 0),
  }
}
