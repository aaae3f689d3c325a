import { copyHeaders, deadLetterHeaders, makeIncoming, readMarks, withoutMarks } from '../../../src/index.js'
import { readable } from './bytes.js'
import type { Clock, Delivery, Incoming, Marks, Settle } from '../../../src/index.js'
import type { Dice } from './faults.js'
import type { Group, Member } from './group.js'
import type { Entry } from './queue.js'

/** What a consumer needs of its broker. */
export interface ConsumerBroker {
  readonly clock: Clock
  readonly dice: Dice
  readonly group: Group
  /** The next position: names a message for a person. */
  position(): string
  /** Throws while the broker is away. */
  reach(): void
  /** Stores a copy or a dead letter, unless the broker is away or a fault is due. */
  store(effect: () => void): void
  onChange(): void
}

export interface ConsumerParts<Message> {
  readonly broker: ConsumerBroker
  readonly topic: string
  readonly scope: string
  readonly prefetch: number
  /** The delay that the group really has for one that is asked for. */
  readonly delayFor: (delayMs: number) => number
  readonly decode: (incoming: Incoming) => Message | Promise<Message>
  readonly settle: Settle<Message>
  readonly hold: () => () => void
}

/** One consumer: what it has in hand, and the ways in which it loses it. */
export interface Consumer {
  /** Ends intake; what is in hand can still be settled. */
  stop(): void
  /** Gives back what is in hand. */
  close(): void
  /** As if the process died: gives back what is in hand, and tells nobody. */
  crash(): void
  /** Loses what it has in hand to the group, and goes on. */
  rebalance(): void
}

interface Hand {
  readonly entry: Entry
  /** One for each: a signal shared by many warns of its many listeners. */
  readonly taken: AbortController
  state: 'on its way' | 'open' | 'settled' | 'gone'
  /** Its ack was refused while the broker was away: it comes again once it is back. */
  refused: boolean
  cancelWay(): void
}

/** A dead process learns nothing any more. */
const never = (): Promise<never> => new Promise(() => undefined)

export function openConsumer<Message>({
  broker,
  topic,
  scope,
  prefetch,
  delayFor,
  decode,
  settle,
  hold,
}: ConsumerParts<Message>): Consumer {
  const { clock, dice, group } = broker
  const hands = new Set<Hand>()
  let state: 'open' | 'stopped' | 'dead' = 'open'
  let settling = 0
  let release = (): void => undefined

  const giveBack = (hand: Hand): void => {
    hand.cancelWay()
    hand.state = 'gone'
    hands.delete(hand)
    group.giveBack(hand.entry)
  }
  const giveBackAll = (): void => {
    for (const hand of hands) giveBack(hand)
  }
  const giveBackOnTheWay = (): void => {
    for (const hand of hands) if (hand.state === 'on its way') giveBack(hand)
  }
  const done = (hand: Hand): void => {
    hand.state = 'settled'
    hands.delete(hand)
    if (dice.happens('loseAck')) group.giveBack(hand.entry)
    else group.finish(hand.entry)
  }

  const ack = async (hand: Hand): Promise<void> => {
    if (state === 'dead') return never()
    if (hand.state !== 'open') return
    try {
      broker.reach()
    } catch (error) {
      hand.refused = true
      throw error
    }
    done(hand)
  }

  const deliveryOf = (hand: Hand, redelivered: boolean): Delivery<Message> => {
    const { message, copy } = hand.entry
    const marks = copy ? readMarks(message.headers, { scope, origin: topic }) : undefined
    const origin = { destination: topic, position: marks?.position ?? message.position }
    const headers = withoutMarks(message.headers)
    // A copy of the bytes, as whoever is given a message may write into it.
    const incoming = makeIncoming({ bytes: message.bytes.slice(), headers: () => headers, origin, orderingKey: message.orderingKey })
    const route = () => ({ origin, nowEpochMs: clock.epochMs(), sinceEpochMs: marks?.sinceEpochMs })
    return {
      incoming,
      redelivered,
      attempts: marks?.attempts ?? 0,
      postponements: marks?.postponements ?? 0,
      waitedMs: marks?.sinceEpochMs === undefined ? 0 : Math.max(0, clock.epochMs() - marks.sinceEpochMs),
      replay: marks?.replay ?? false,
      signal: hand.taken.signal,
      get takenAway() {
        return hand.state === 'gone'
      },
      decode: () => decode(incoming),
      ack: () => ack(hand),
      async postpone(delayMs: number, next: Marks) {
        if (state === 'dead') return never()
        if (hand.state !== 'open') return
        const waitMs = delayFor(delayMs)
        const copied = { ...headers, ...copyHeaders(next, route(), waitMs) }
        broker.store(() => group.addCopy({ ...message, position: broker.position(), headers: copied }, waitMs))
        done(hand)
      },
      async deadLetter(reason: string, last: Marks) {
        if (state === 'dead') return never()
        if (hand.state !== 'open') return
        const { key, attempts } = last
        const kept = { ...headers, ...deadLetterHeaders(last, route(), reason) }
        const letter = { ...readable(message.bytes), reason, scope, key, attempts, headers: kept, orderingKey: message.orderingKey }
        broker.store(() => group.deadLetters.push({ letter, marks: last, origin }))
      },
    }
  }

  const arrive = (hand: Hand): void => {
    hand.state = 'open'
    const { entry } = hand
    const redelivered = entry.copy || entry.sent
    entry.sent = true
    settling += 1
    const over = (): void => {
      settling -= 1
      broker.onChange()
    }
    // A handler that throws, at once or later, leaves its delivery unsettled, and must not stop the others.
    new Promise((resolve) => resolve(settle(deliveryOf(hand, redelivered)))).then(over, over)
  }

  const member: Member = {
    get load() {
      return hands.size
    },
    get hasRoom() {
      return state === 'open' && hands.size < prefetch
    },
    get quiet() {
      return settling === 0
    },
    take(entry) {
      const hand: Hand = { entry, taken: new AbortController(), state: 'on its way', refused: false, cancelWay: () => undefined }
      hands.add(hand)
      const wayMs = dice.deliveryDelayMs()
      if (wayMs > 0) hand.cancelWay = clock.schedule(wayMs, () => arrive(hand))
      else arrive(hand)
    },
    onAway() {
      release = hold()
      giveBackOnTheWay()
    },
    onBack() {
      release()
      for (const hand of hands) {
        if (!hand.refused) continue
        giveBack(hand)
        hand.taken.abort()
      }
    },
  }
  group.join(member)

  return {
    stop() {
      if (state !== 'open') return
      state = 'stopped'
      group.leave(member)
      giveBackOnTheWay()
      for (const hand of hands) hand.taken.abort()
    },
    close() {
      if (state !== 'dead') giveBackAll()
    },
    crash() {
      if (state === 'dead') return
      state = 'dead'
      group.leave(member)
      giveBackAll()
    },
    rebalance() {
      if (state !== 'open') return
      const lost = [...hands]
      giveBackAll()
      for (const hand of lost) hand.taken.abort()
    },
  }
}
