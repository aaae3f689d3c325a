import { recordOf } from '../facts.js'
import { recoveryMs, seconds, slackMs, watching } from './property.js'
import type { Property } from './property.js'

/** What comes back, when, and as what. */
export const returning: readonly Property[] = [
  {
    name: 'copies-wait',
    sentence: 'A copy does not come before it is due, and comes with the marks that it was given.',
    open(facts, violate) {
      const dues = new Map<string, number>()
      const replayed = new Set<string>()
      // Of a copy that was stored and not confirmed nobody knows.
      const someUnknown = (facts.plan.settings.broker.copyUnknown ?? 0) > 0
      return watching({
        replayed: ({ messages }) => messages.forEach((message) => replayed.add(message)),
        postponed({ message, marks, delayMs, atMs, takenAway }) {
          const name = `${message} ${marks.attempts} ${marks.postponements}`
          if (!takenAway) dues.set(name, Math.min(dues.get(name) ?? Number.POSITIVE_INFINITY, atMs + delayMs))
        },
        arrived({ message, attempts, postponements, atMs, replay, redelivered }) {
          if (replay && !replayed.has(message)) violate(`${message} comes as a replay, and nobody had it delivered again`)
          const counted = attempts + postponements > 0
          if ((counted || replay) && redelivered === false) violate(`${message} is a copy, and is said never to have come before`)
          if (!counted || someUnknown) return
          const dueAtMs = dues.get(`${message} ${attempts} ${postponements}`)
          if (dueAtMs === undefined)
            violate(`${message} comes with ${attempts} attempts and ${postponements} postponements, which nobody gave it`)
          else if (atMs < dueAtMs - slackMs) violate(`${message} comes ${seconds(dueAtMs - atMs)} before it is due`)
        },
      })
    },
  },
  {
    name: 'taken-away-does-not-start',
    sentence: 'What was taken away from a worker, and has not started by then, does not start there.',
    open(facts, violate) {
      const inHand = new Map<string, Set<number>>()
      const takenAtMs = new Map<number, number>()
      return watching({
        arrived({ worker, delivery }) {
          inHand.set(worker, (inHand.get(worker) ?? new Set<number>()).add(delivery))
        },
        outcome({ worker, delivery }) {
          if (delivery !== undefined) inHand.get(worker)?.delete(delivery)
        },
        rebalanced({ worker, atMs }) {
          for (const delivery of inHand.get(worker) ?? []) if (!takenAtMs.has(delivery)) takenAtMs.set(delivery, atMs)
        },
        started({ delivery, atMs, worker, message, token }) {
          const takenMs = delivery === undefined ? undefined : takenAtMs.get(delivery)
          if (takenMs === undefined) return
          // An inbox is asked in its transaction, to which there are some ways more.
          const heardAtMs = takenMs + facts.plan.settings.transitMs * (token === undefined ? 6 : 1) + slackMs
          if (atMs > heardAtMs && !facts.troubled(worker, takenMs - recoveryMs(facts), atMs))
            violate(`${worker} starts ${message}, which was taken away from it at ${seconds(takenMs)}`)
        },
      })
    },
  },
  {
    name: 'dead-letters-are-kept',
    sentence: 'What was set aside stands among the dead letters until somebody has it delivered again.',
    open(_facts, violate) {
      const setAside = new Set<string>()
      const acked = new Set<number>()
      return watching({
        ack: ({ delivery }) => void acked.add(delivery),
        'dead-letter'({ delivery, message, takenAway }) {
          // A request that comes late, after all was settled, does nothing any more.
          if (!takenAway && !acked.has(delivery)) setAside.add(message)
        },
        replayed: ({ messages }) => messages.forEach((message) => setAside.delete(message)),
        over({ deadLetters }) {
          const there = new Set(deadLetters)
          for (const message of setAside) if (!there.has(message)) violate(`${message} was set aside, and is not among the dead letters`)
        },
      })
    },
  },
  {
    name: 'dead-letters-forget',
    sentence: 'Once a message is set aside its record remembers no attempts; and a replay has a budget of its own.',
    open(facts, violate) {
      /** What the record kept when the claim was given back after the dead letter, by delivery. */
      const remembered = new Map<number, number>()
      const expected = new Map<string, number>()
      const replays = new Set<number>()
      const owed = new Set<string>()
      return watching({
        arrived({ message, delivery, replay }) {
          if (!replay) return
          replays.add(delivery)
          owed.delete(message)
        },
        replayed: ({ messages }) => messages.forEach((message) => owed.add(message)),
        over({ left }) {
          if (left === 0) for (const message of owed) violate(`${message} was delivered again on purpose, and never came as that`)
        },
        'dead-letter'({ message, delivery, worker, reason, takenAway }) {
          const unrun = reason.startsWith('its lease ended') || (reason.startsWith('failed') && !facts.runs.ofDelivery(delivery))
          expected.set(`${worker} ${recordOf(facts.keyOf(message))}`, delivery)
          if (!takenAway && replays.has(delivery) && unrun) violate(`${worker} sets ${message} aside again at once, though it was replayed`)
        },
        store(step) {
          const place = `${step.worker} ${step.record}`
          const delivery = expected.get(place)
          if (step.step !== 'release' || !step.answer || delivery === undefined) return
          remembered.set(delivery, step.attempts)
          expected.delete(place)
        },
        outcome({ worker, message, delivery, outcome }) {
          if (delivery === undefined || outcome.status !== 'dead-lettered' || facts.worker(worker)?.mode !== 'lease') return
          const attempts = remembered.get(delivery) ?? 0
          if (attempts > 0) violate(`${message} is set aside, and its record remembers ${attempts} attempts`)
        },
      })
    },
  },
  {
    name: 'killers-are-remembered',
    sentence: 'What was set aside for its lapses keeps them on its record, so that other copies follow it without killing again.',
    open(facts, violate) {
      const setAside = new Set<string>()
      const published = new Set<number>()
      return watching({
        'dead-letter'({ worker, message, delivery, reason, takenAway }) {
          // A client that sends it once more does so after the release.
          if (takenAway || published.has(delivery)) return
          published.add(delivery)
          if (reason.startsWith('its lease ended')) setAside.add(`${worker} ${recordOf(facts.keyOf(message))}`)
        },
        store(step) {
          if (step.step !== 'release' || !step.answer || !setAside.delete(`${step.worker} ${step.record}`)) return
          const { maxLapses } = facts.plan.settings
          if (step.lapses < maxLapses)
            violate(`${step.worker} sets a message of ${step.record} aside for its lapses, and keeps ${step.lapses} of ${maxLapses}`)
        },
      })
    },
  },
]
