import type { Gate, Kind } from './gate.js'
import type { Runtime } from './runtime.js'
import type { Session } from './delivery.js'

/**
 * The right to run a handler here and now: a place of the transport's, and the gate's leave. Data, as there is one for each delivery (a class, for the
 * garbage collector's sake: see `Job`).
 */
export class Turn {
  readonly gate: Gate
  readonly kind: Kind
  leaveGate: (() => void) | undefined
  leavePlace: (() => void) | undefined

  constructor(gate: Gate, kind: Kind, leaveGate: () => void, leavePlace: () => void) {
    this.gate = gate
    this.kind = kind
    this.leaveGate = leaveGate
    this.leavePlace = leavePlace
  }
}

/** Goes on as another kind, if that may be at once. */
export function becomeKind(turn: Turn, kind: Kind): boolean {
  if (kind === turn.kind) return true
  turn.leaveGate?.()
  turn.leaveGate = turn.gate.tryEnter(kind)
  return turn.leaveGate !== undefined
}

/** Does nothing the second time. */
export function leaveTurn(turn: Turn): void {
  turn.leaveGate?.()
  turn.leavePlace?.()
  turn.leaveGate = turn.leavePlace = undefined
}

/** A turn that is to be had without waiting, if there is one. */
export function tryTakeTurn({ gate }: Runtime, { places }: Session, kind: Kind, signal: AbortSignal): Turn | undefined {
  const leaveGate = signal.aborted ? undefined : gate.tryEnter(kind)
  if (!leaveGate) return undefined
  const leavePlace = places.tryTake()
  if (!leavePlace) leaveGate()
  return leavePlace && new Turn(gate, kind, leaveGate, leavePlace)
}

/** Undefined if the delivery is to be left before its turn comes. No place is held while waiting at the gate. */
export async function takeTurn(runtime: Runtime, session: Session, kind: Kind, signal: AbortSignal): Promise<Turn | undefined> {
  const over = kind === 'ordinary' ? undefined : session.waitAside()
  try {
    return await waitForTurn(runtime, session, kind, signal)
  } finally {
    over?.()
  }
}

async function waitForTurn({ gate }: Runtime, session: Session, kind: Kind, signal: AbortSignal): Promise<Turn | undefined> {
  for (;;) {
    if (signal.aborted) return undefined
    const leaveGate = gate.tryEnter(kind) ?? (await gate.enter(kind, signal))
    if (!leaveGate) return undefined
    const leavePlace = session.places.tryTake() ?? (kind === 'ordinary' ? undefined : await session.places.take(signal))
    if (leavePlace) return new Turn(gate, kind, leaveGate, leavePlace)
    leaveGate()
    if (kind !== 'ordinary') return undefined
    // Who waits for a place is not inside yet, or a suspect that is to run alone would wait for it.
    const place = await session.places.take(signal)
    if (!place) return undefined
    const entered = gate.tryEnter(kind)
    if (entered) return new Turn(gate, kind, entered, place)
    place()
  }
}

/** From this many lapses on a suspect runs alone: what then dies with it did not do it. */
const aloneFromLapses = 3

/** How a message may run beside others, by the lapses of its key. */
export function kindOf(lapses: number): Kind {
  if (lapses === 0) return 'ordinary'
  return lapses < aloneFromLapses ? 'suspect' : 'alone'
}
