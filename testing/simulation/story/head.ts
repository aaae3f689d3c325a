import { aside, count, duration, keyName, times } from './words.js'
import type { Behaviour, Plan, PlannedMessage, PlannedWorker, PlanSettings } from '../plan.js'

/** What a history is made from, in a few lines. */
export function headOf({ seed, settings, workers, messages, behaviours }: Plan, about: string | undefined): readonly string[] {
  const sent = messages.filter(({ key }) => about === undefined || key === about)
  const keys = [...new Set(sent.map(({ key }) => key))]
  return [
    ...titled('seed', [String(seed)]),
    ...titled('workers', workersOf(workers)),
    ...titled('messages', [messagesOf(sent, keys)]),
    ...titled('handler', handlerOf(keys, behaviours)),
    ...titled('settings', [settingsOf(settings)]),
    ...titled('broker', chancesOf(settings.broker)),
  ]
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => `${(index === 0 ? title : '').padEnd(10)}${line}`)
}

/** Those who are alike, in one line. */
function workersOf(workers: readonly PlannedWorker[]): readonly string[] {
  const alike = new Map<string, string[]>()
  for (const [slot, worker] of workers.entries()) {
    const kind = workerOf(worker)
    alike.set(kind, [...(alike.get(kind) ?? []), `worker-${slot + 1}`])
  }
  return [...alike].map(([kind, names]) => `${names.join(', ')}: ${kind}`)
}

function messagesOf(sent: readonly PlannedMessage[], keys: readonly string[]): string {
  const called = sent.filter(({ via }) => via === 'once').length
  const forged = sent.filter(({ forged }) => forged).length
  const lanes = new Set(sent.flatMap(({ orderingKey }) => (orderingKey === undefined ? [] : [orderingKey])))
  const ofKeys = keys.map((key) => `${keyName(key)} (${sent.filter((one) => one.key === key).length})`)
  return [
    `${sent.length} of ${count(keys.length, 'key')}: ${ofKeys.join(', ')}`,
    lanes.size > 0 && (sent.every(({ key, orderingKey }) => key === orderingKey) ? 'ordered by key' : `in ${count(lanes.size, 'lane')}`),
    called > 0 && `${called} through once`,
    forged > 0 && `${forged} with a stranger's marks`,
  ]
    .filter(Boolean)
    .join('; ')
}

function handlerOf(keys: readonly string[], behaviours: Plan['behaviours']): readonly string[] {
  const lines = keys.flatMap((key) => {
    const behaviour = behaviours[key]
    const does = behaviour ? behaviourOf(behaviour) : ''
    return does ? [`${keyName(key)} ${does}`] : []
  })
  return lines.length > 0 ? lines : ['works at once']
}

function workerOf({ mode, clock: { aheadMs, rate }, coalesces }: PlannedWorker): string {
  const fast = Math.round((rate - 1) * 1_000_000)
  return `${mode}${aside(
    aheadMs !== 0 && `clock ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}`,
    fast !== 0 && `${Math.abs(fast)} ppm too ${fast > 0 ? 'fast' : 'slow'}`,
    coalesces && 'its steps travel together',
  )}`
}

const heeding: { readonly [Heeds in Behaviour['heeds']]: string } = {
  asks: '',
  aborts: 'ends with its signal',
  nothing: 'heeds no signal',
}

const doing: { readonly [How in Behaviour['how']]: string } = {
  works: 'works',
  fails: 'fails',
  asks: 'asks for the dead letters',
  kills: 'kills its process',
  hangs: 'hangs',
  unreadable: 'cannot be read',
  keyless: 'has no key',
}

/** Nothing for what works at once. */
function behaviourOf({ how, times: often, beforeMs, afterMs, heeds, effectFirst }: Behaviour): string {
  if (how === 'unreadable' || how === 'keyless') return doing[how]
  const waits = [
    beforeMs > 0 && `${duration(beforeMs)} before its effect`,
    afterMs > 0 && `${duration(afterMs)} after it`,
    heeding[heeds],
    how !== 'works' && effectFirst && 'has its effect first',
  ]
  const said = aside(...waits)
  if (how === 'works') return said && `works${said}`
  return `${doing[how]} ${often > 1_000 ? 'always' : times(often)}${said}`
}

/** By their names, in milliseconds; of those that say what to do when, only what is not the default. */
function settingsOf({ broker: _, troubleMs: __, ...settings }: PlanSettings): string {
  const usual: readonly unknown[] = ['postpone', 'hold']
  return Object.entries(settings)
    .filter(([, value]) => !usual.includes(value))
    .map(([name, value]) => `${name} ${[value].flat().join('/')}`)
    .join(', ')
}

function chancesOf(broker: PlanSettings['broker']): readonly string[] {
  const chances = Object.entries(broker).filter(([, chance]) => chance > 0)
  return chances.length > 0 ? [chances.map(([name, chance]) => `${name} ${chance}`).join(', ')] : []
}
