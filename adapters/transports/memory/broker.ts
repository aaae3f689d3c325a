import { idHeader, refuse, refuseUnless, refuseUnsendable, systemClock, systemRandom } from '../../../src/index.js'
import { toBytes } from './bytes.js'
import { replayOf } from './dead-letters.js'
import { openDice } from './faults.js'
import { openGroup } from './group.js'
import type { Clock, Consumption, Outgoing, Publisher, Random } from '../../../src/index.js'
import type { Consumer, ConsumerBroker } from './consumer.js'
import type { DeadLetter } from './dead-letters.js'
import type { BrokerFaults } from './faults.js'
import type { Group } from './group.js'
import type { StoredMessage } from './queue.js'

export interface MemoryBrokerOptions {
  /** Time, for delays and for the times in headers. @default systemClock */
  readonly clock?: Clock | undefined
  /** Chance, for the faults: the same seed gives the same history. @default systemRandom */
  readonly random?: Random | undefined
  /** What goes wrong; `setFaults` changes it later. @default nothing */
  readonly faults?: BrokerFaults | undefined
}

/** A consumer group on a topic. */
export interface GroupPlace {
  readonly topic: string
  readonly groupId: string
}

/** How many messages of a group are where. */
export interface Depth {
  /** Not handed to anybody now. */
  readonly waiting: number
  /** In the hands of a consumer. */
  readonly unsettled: number
  /** Postponed, and not due yet. */
  readonly delayed: number
  readonly deadLetters: number
}

export interface IdleOptions {
  /**
   * Makes so many milliseconds pass on the broker's clock; called again and again until all is idle. For a clock that is moved by hand:
   * `(ms) => clock.advance(ms)`. @default waits for the clock
   */
  readonly passTime?: ((ms: number) => Promise<void> | void) | undefined
}

/**
 * A broker inside this process that behaves as one on the network does, for tests, demos and simulations. Topics begin with their first
 * message or consumer, and keep every message until the broker itself is forgotten; a group begins with the oldest one.
 */
export interface MemoryBroker extends Publisher {
  /**
   * Sends all or none; the destination is the topic. Rejects while the broker is away, or as the faults say; with a `PublishRefusedError` when one of them is
   * no message.
   */
  publish(messages: readonly Outgoing[]): Promise<void>
  /**
   * Resolves once every group that is consumed has nothing waiting, unsettled or delayed, and its handlers' outcomes are told. Groups that
   * nobody consumes are not waited for.
   */
  idle(options?: IdleOptions): Promise<void>
  depth(place: GroupPlace): Depth
  /** What this group has set aside, oldest first. */
  deadLetters(place: GroupPlace): readonly DeadLetter[]
  /** Has dead letters delivered to this group again, marked as replays with nothing counted; all of them unless some are named. Answers how many. */
  replay(place: GroupPlace, letters?: readonly DeadLetter[]): Promise<number>
  /** Makes every postponed copy come now, once. */
  skipDelays(): void
  /** Replaces the faults. Throws a `ConfigurationError` for a chance that is none. */
  setFaults(faults: BrokerFaults): void
  /**
   * While away, publishes and acks reject, nothing is delivered, and consumptions are `held`. Once it is back, deliveries whose ack was
   * refused come again.
   */
  away(isAway: boolean): void
  /**
   * As if the process of this consumption died: what it had not settled goes back to its group, nothing that it still does has an effect
   * or is answered, and no signal fires. Only the broker's side dies: whoever plays a death keeps the handler and the store from going on.
   */
  crash(consumption: Consumption): void
  /** Takes from this consumption all that it has not settled, as a rebalance does: it goes back to its group, and the signals fire. */
  rebalance(consumption: Consumption): void
}

/** What a transport needs of its broker, beside what everybody sees. */
export interface Inside {
  readonly clock: Clock
  /** Throws while the broker is away. */
  connect(place: GroupPlace): ConsumerBroker
  /** Makes `crash` and `rebalance` know it. */
  know(consumption: Consumption, consumer: Consumer): void
}

const insides = new WeakMap<MemoryBroker, Inside>()

/** Throws a `ConfigurationError` when this is no memory broker. */
export function insideOf(broker: MemoryBroker): Inside {
  const inside = insides.get(broker)
  if (!inside) throw refuse('broker', broker, 'a broker made by memoryBroker', 'memoryBroker()')
  return inside
}

/** A broker inside this process. Throws a `ConfigurationError` for faults that are none. */
export function memoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  refuseUnless.options(options, '{ faults }')
  const { clock = systemClock, random = systemRandom, faults = {} } = options
  refuseUnless.clock('clock', clock)
  refuseUnless.random('random', random)
  const dice = openDice(random, faults)
  const topics = new Map<string, { readonly log: StoredMessage[]; readonly groups: Map<string, Group> }>()
  const consumers = new WeakMap<Consumption, Consumer>()
  const waitingForChange = new Set<() => void>()
  let positions = 0
  let isAway = false

  const onChange = (): void => {
    const told = [...waitingForChange]
    waitingForChange.clear()
    for (const tell of told) tell()
  }
  const position = (): string => String((positions += 1))
  const topicOf = (name: string) => {
    refuseUnless.text('topic', name, { good: 'orders' })
    const topic = topics.get(name) ?? { log: [], groups: new Map<string, Group>() }
    topics.set(name, topic)
    return topic
  }
  const groupOf = ({ topic: name, groupId }: GroupPlace): Group => {
    refuseUnless.text('groupId', groupId, { good: 'billing' })
    const { log, groups } = topicOf(name)
    const known = groups.get(groupId)
    if (known) return known
    const group = openGroup({ clock, dice, isAway: () => isAway, onChange })
    groups.set(groupId, group)
    for (const message of log) group.add(message)
    return group
  }
  const consumedGroups = (): Group[] =>
    [...topics.values()].flatMap(({ groups }) => [...groups.values()].filter(({ members }) => members.size > 0))
  const reach = (): void => {
    if (isAway) throw new Error('The memory broker is away')
  }
  const attempt = (effect: () => void, fails: 'publishFails' | 'copyFails', unknown: 'publishUnknown' | 'copyUnknown'): void => {
    reach()
    if (dice.happens(fails)) throw new Error(`The memory broker did not store this (fault ${fails})`)
    effect()
    if (dice.happens(unknown)) throw new Error(`The memory broker stored this and did not confirm it (fault ${unknown})`)
  }
  const append = (outgoing: Outgoing): void => {
    const { log, groups } = topicOf(outgoing.destination)
    const { body, headers, orderingKey, id } = outgoing
    for (let times = dice.happens('duplicate') ? 2 : 1; times > 0; times -= 1) {
      const message = {
        position: position(),
        bytes: toBytes(body),
        headers: { ...headers, ...(id !== undefined && { [idHeader]: id }) },
        orderingKey,
      }
      log.push(message)
      for (const group of groups.values()) group.add(message)
    }
  }

  const broker: MemoryBroker = {
    async publish(messages) {
      refuseUnsendable(messages)
      attempt(() => messages.forEach(append), 'publishFails', 'publishUnknown')
    },
    async idle(idleOptions = {}) {
      refuseUnless.options(idleOptions, '{ passTime }')
      const { passTime } = idleOptions
      if (passTime !== undefined) refuseUnless.function('passTime', passTime, '(ms) => clock.advance(ms)')
      for (;;) {
        const groups = consumedGroups()
        const busy = groups.some((group) => {
          const { waiting, unsettled } = group.depth()
          return waiting + unsettled > 0 || [...group.members].some((member) => !member.quiet)
        })
        const dueInMs = Math.min(...groups.map((group) => group.nextDueInMs() ?? Number.POSITIVE_INFINITY))
        if (!busy && dueInMs === Number.POSITIVE_INFINITY) return
        if (passTime) await passTime(busy ? 10 : dueInMs)
        else await new Promise<void>((resolve) => waitingForChange.add(resolve))
      }
    },
    depth(place) {
      const group = groupOf(place)
      return { ...group.depth(), deadLetters: group.deadLetters.length }
    },
    deadLetters: (place) => groupOf(place).deadLetters.map(({ letter }) => letter),
    async replay(place, letters) {
      reach()
      const group = groupOf(place)
      const wanted = group.deadLetters.filter(({ letter }) => !letters || letters.includes(letter))
      for (const stored of wanted) {
        group.addCopy(replayOf(stored, position(), clock), 0)
        group.deadLetters.splice(group.deadLetters.indexOf(stored), 1)
      }
      return wanted.length
    },
    skipDelays() {
      for (const { groups } of topics.values()) for (const group of groups.values()) group.skipDelays()
    },
    setFaults: dice.set,
    away(next) {
      if (isAway === next) return
      isAway = next
      for (const group of consumedGroups()) {
        for (const member of group.members) {
          if (isAway) member.onAway()
          else member.onBack()
        }
        group.wake()
      }
    },
    crash: (consumption) => consumers.get(consumption)?.crash(),
    rebalance: (consumption) => consumers.get(consumption)?.rebalance(),
  }
  insides.set(broker, {
    clock,
    connect(place) {
      reach()
      const store = (effect: () => void): void => attempt(effect, 'copyFails', 'copyUnknown')
      return { clock, dice, group: groupOf(place), position, reach, store, onChange }
    },
    know: (consumption, consumer) => consumers.set(consumption, consumer),
  })
  return broker
}
