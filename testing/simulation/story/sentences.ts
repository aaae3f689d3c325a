import { aside, count, duration, keyName, nth, seconds } from './words.js'
import { steps } from './steps.js'
import type { Happening } from '../chronicle.js'
import type { Cut } from '../plan.js'
import type { Knowledge } from './knowledge.js'

type Of<What> = Extract<Happening, { what: What }>
type Sentences = { readonly [What in Happening['what']]: (happening: Of<What>, known: Knowledge) => string | undefined }

/** What somebody does in each kind of happening, in words; undefined where it is not worth telling. */
const sentences: Sentences = {
  sent({ message }, known) {
    const called = known.plan.messages.some(({ id, via }) => id === message && via === 'once')
    return `${called ? 'calls with' : 'sends'} ${known.messageOf(message)}`
  },
  'given-up': ({ message }) => `does not come back with ${message} any more`,

  // Who is there from the beginning stands in the head.
  began: ({ atMs }) => (atMs > 0 ? 'begins' : undefined),
  crashed: ({ killedBy, worker }, known) =>
    `${killedBy === undefined ? 'dies' : `is killed by ${keyName(killedBy)}`}${holding(worker, known, killedBy)}`,
  buried: () => 'is found dead by the broker',
  stalled: ({ forMs, worker }, known) => `stalls for ${duration(forMs)}${holding(worker, known)}`,
  resumed: () => 'goes on',
  stopping: ({ worker }, known) => (known.over ? undefined : `is told to stop${holding(worker, known)}`),
  stopped: (_, known) => (known.over ? undefined : 'has stopped'),
  cut: ({ from, how, forMs }) => `cannot reach the ${from} for ${duration(forMs)}: ${cuts[how]}`,
  mended: ({ from }) => `reaches the ${from} again`,
  'commits-fail': ({ how, forMs }) =>
    `commits nothing for ${duration(forMs)}: ${how === 'conflict' ? 'others come first' : 'the connection breaks each time'}`,
  'commits-work': () => 'can commit again',
  rebalanced: () => 'loses all that it has in hand to the others',
  'call-fault': ({ step, how, byMs }) => callFaults[how](step, duration(byMs)),

  arrived({ message, redelivered, attempts, postponements, replay }, known) {
    const counted = [attempts > 0 && count(attempts, 'attempt'), postponements > 0 && count(postponements, 'postponement')].filter(Boolean)
    const copy = counted.length > 0 && `after ${counted.join(' and ')}`
    const forged = known.plan.messages.some(({ id, forged }) => id === message && forged)
    const again = known.arrivals(message) > 0
    return `gets ${known.messageOf(message)}${again ? ' again' : ''}${aside(
      replay && 'a replay',
      copy,
      forged && !again && "with a stranger's marks",
      again && redelivered === false && 'as if new',
    )}`
  },
  'claim-heard': () => undefined,
  store: (step, known) => (steps[step.step] as (step: Of<'store'>, known: Knowledge) => string)(step, known),
  'store-threw': ({ step, record, error }, known) =>
    `hears a fault of the store at its ${step}${record && ` of ${known.keyOf(record)}`}: ${known.readable(error)}`,
  started: ({ message, attempt, token }) =>
    `starts to handle ${message}${aside(attempt > 1 && `${nth(attempt)} attempt`, token === 0 && 'unclaimed')}`,
  effect({ key }, known) {
    const before = known.effects(key)
    const last = before.at(-1)
    if (!last) return `has the effect of ${keyName(key)}`
    const end = known.endOfRun(last.run)
    const time = `for the ${nth(before.length + 1)} time`
    return `has the effect of ${keyName(key)} ${end === 'threw' ? time : time.toUpperCase()}: ${last.worker} had it at ${seconds(last.atMs)} and ${end ?? 'is still at it'}`
  },
  returned: ({ run }, known) => `returns from ${known.messageOfRun(run)}`,
  threw: ({ run, why }, known) => `${throwing[why]} ${known.messageOfRun(run)}`,

  ack: ({ delivery, message, takenAway }, known) => `acks ${message}${said(known.outcomeOf(delivery))}${tooLate(takenAway)}`,
  postponed: ({ delivery, message, takenAway, delayMs }, known) =>
    `postpones ${message} by ${duration(delayMs)}${said(known.outcomeOf(delivery), 'postponed')}${tooLate(takenAway)}`,
  'dead-letter': ({ message, reason, takenAway }, known) =>
    `publishes ${message} to the dead letters: ${known.readable(reason)}${tooLate(takenAway)}`,
  outcome({ delivery, message, outcome: { status } }, known) {
    if (delivery === undefined) return `answers the call with ${message}: ${status}`
    if (known.settled(delivery)) return undefined
    return status === 'unsettled' ? `leaves ${message} to the broker` : `gives up settling ${message}: ${status}`
  },
  trouble: ({ trouble }, known) => `reports ${trouble.kind}: ${known.readable(trouble.message)}`,

  'store-away': ({ how, forMs }) => `is away for ${duration(forMs)}, for everybody: ${cuts[how]}`,
  'store-back': () => 'is back',
  'store-slow': ({ byMs, forMs }) => `is slow for ${duration(forMs)}: each way takes up to ${duration(byMs)} longer`,
  'store-quick': () => 'is no longer slow',
  'store-forgot': ({ lagMs }) => `forgets all that came in the last ${duration(lagMs)}`,
  'broker-away': ({ forMs }) => `is away for ${duration(forMs)}: neither publishes nor acks get through`,
  'broker-back': () => 'is back',
  replayed: ({ messages }) => `has dead letters delivered again: ${messages.join(', ')}`,
  calm: () => 'all trouble is over',
  over: ({ left }) => (left === 0 ? 'everything is settled' : `${count(left, 'message')} left, though waited for long enough`),
  end: ({ timers, calls }) =>
    `all have stopped${aside(timers > 0 && count(timers, 'timer') + ' left', calls > 0 && count(calls, 'call') + ' left')}`,
}

/** Who does something, where it is no worker. */
const doers: { readonly [What in Happening['what']]?: string } = {
  sent: 'sender',
  'given-up': 'sender',
  'store-away': 'store',
  'store-back': 'store',
  'store-slow': 'store',
  'store-quick': 'store',
  'store-forgot': 'store',
  'broker-away': 'broker',
  'broker-back': 'broker',
  replayed: 'somebody',
}

const cuts: { readonly [How in Cut]: string } = {
  refused: 'it is refused at once',
  silent: 'nothing that it sends arrives',
  deaf: 'what it sends arrives, no answer comes back',
}

const callFaults: { readonly [How in Of<'call-fault'>['how']]: (step: string, by: string) => string } = {
  'late-request': (step, by) => `sends its ${step}, which will be ${by} late`,
  'late-answer': (step, by) => `will hear the answer to its ${step} ${by} late`,
  'lost-request': (step) => `sends its ${step}, which is lost on the way`,
  'lost-answer': (step) => `will never hear the answer to its ${step}`,
  fails: (step) => `has its ${step} refused`,
  twice: (step, by) => `sends its ${step}, and its client sends it again ${by} later`,
}

const throwing: { readonly [Why in Of<'threw'>['why']]: string } = {
  fails: 'throws in',
  asks: 'asks for the dead letters in',
  aborted: 'heeds its signal and gives up',
  'too-long': 'has run for too long, heeds its signal and gives up',
}

function holding(worker: string, known: Knowledge, except?: string): string {
  const keys = known.holds(worker).filter((key) => key !== except)
  return keys.length > 0 ? `, holding ${keys.map(keyName).join(', ')}` : ''
}

/** The outcome, where it is not the one that is `expected` anyway. */
const said = (outcome: string | undefined, expected?: string): string =>
  outcome === undefined || outcome === expected ? '' : `: ${outcome}`

const tooLate = (takenAway: boolean): string => (takenAway ? ', but it was taken away before' : '')

/** Who did what, in words; undefined where it is not worth telling. */
export function sentenceOf(happening: Happening, known: Knowledge): { readonly who: string; readonly did: string } | undefined {
  // The compiler cannot see that a happening and the sentence for its kind belong together.
  const did = (sentences[happening.what] as (happening: Happening, known: Knowledge) => string | undefined)(happening, known)
  return did === undefined ? undefined : { who: 'worker' in happening ? happening.worker : (doers[happening.what] ?? ''), did }
}
