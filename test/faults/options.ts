import { parseArgs } from 'node:util'
import { brokers, modes, stores } from './names.js'
import { faultsNamed } from './nemesis/nemesis.js'
import type { BrokerName, Mode, StoreName } from './names.js'

export interface Options {
  readonly minutes: number
  readonly store: StoreName
  readonly transport: BrokerName
  readonly mode: Mode
  /** Names of faults. */
  readonly nemesis: readonly string[]
  readonly seed: number
  /** How many messages per second are sent, duplicates included. */
  readonly rate: number
  readonly workers: number
  /** How many handlers a worker runs at once. */
  readonly concurrency: number
  /** How long most handlers take at most, in milliseconds. */
  readonly workMs: number
  readonly leaseMs: number
  readonly windowMs: number
  readonly calmMs: number
  /** Whether the workers are asked for their memory and so on. */
  readonly soak: boolean
  /** Whether handlers never ask their signal. */
  readonly heedless: boolean
  /** Where the page goes; undefined for none. */
  readonly page: string | undefined
  /** Where the result goes as JSON; undefined for nowhere. */
  readonly json: string | undefined
  /** Keeps the folder of the run. */
  readonly keep: boolean
  /** The command that repeats this. */
  readonly command: string
}

export const usage = `npm run faults -- [options]

  --store       redis | postgres | mariadb | sqlite          (redis)
  --transport   kafka | rabbitmq                             (kafka)
  --mode        lease | inbox | outbox                       (lease)
  --minutes     how long messages are sent                   (2)
  --nemesis     faults, with commas: all, none, worker, store, broker, or single ones   (all)
  --seed        the same load, and the same faults           (1)
  --rate        messages per second, duplicates included     (300)
  --workers     processes                                    (3)
  --concurrency handlers at once in each                     (16)
  --work        how long most handlers take at most, in ms   (20)
  --lease       in seconds                                   (5)
  --window      in seconds                                   (86400)
  --calm        least time between two faults, in seconds    (4)
  --soak        watch memory, timers, listeners, connections and records
  --heedless    handlers never ask whether they may go on
  --page        where the page goes; none for no page        (.services/faults/<run>.html)
  --json        where the result goes as JSON
  --keep        keep the folder with the ledgers, and what the servers wrote
`

/** Throws a `RangeError` that says what to do. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      store: { type: 'string', default: 'redis' },
      transport: { type: 'string', default: 'kafka' },
      mode: { type: 'string', default: 'lease' },
      minutes: { type: 'string', default: '2' },
      nemesis: { type: 'string', default: 'all' },
      seed: { type: 'string', default: '1' },
      rate: { type: 'string', default: '300' },
      workers: { type: 'string', default: '3' },
      concurrency: { type: 'string', default: '16' },
      work: { type: 'string', default: '20' },
      lease: { type: 'string', default: '5' },
      window: { type: 'string', default: '86400' },
      calm: { type: 'string', default: '4' },
      soak: { type: 'boolean', default: false },
      heedless: { type: 'boolean', default: false },
      page: { type: 'string' },
      json: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const oneOf = <Value extends string>(name: string, value: string, choices: readonly Value[]): Value => {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw new RangeError(`--${name} must be one of ${choices.join(', ')}, and is ${value}`)
    return found
  }
  const number = (name: string, value: string, least: number): number => {
    const found = Number(value)
    if (value.trim() === '' || !Number.isFinite(found) || found < least) {
      throw new RangeError(`--${name} must be a number of at least ${least}, and is ${value}`)
    }
    return found
  }
  const nemesis = values.nemesis.split(',').map((name) => name.trim())
  faultsNamed(nemesis)
  const options = {
    store: oneOf('store', values.store, stores),
    transport: oneOf('transport', values.transport, brokers),
    mode: oneOf('mode', values.mode, modes),
    minutes: number('minutes', values.minutes, 0.05),
    nemesis,
    seed: number('seed', values.seed, 0),
    rate: number('rate', values.rate, 1),
    workers: number('workers', values.workers, 1),
    concurrency: number('concurrency', values.concurrency, 1),
    workMs: number('work', values.work, 0),
    leaseMs: number('lease', values.lease, 1) * 1_000,
    windowMs: number('window', values.window, 20) * 1_000,
    calmMs: number('calm', values.calm, 0) * 1_000,
    soak: values.soak,
    heedless: values.heedless,
    page: values.page,
    json: values.json,
    keep: values.keep,
    command: `npm run faults -- ${args.join(' ')}`.trim(),
  }
  if (options.store === 'redis' && options.mode !== 'lease') {
    throw new RangeError(`--mode ${options.mode} needs a store with transactions: postgres, mariadb or sqlite`)
  }
  return options
}
