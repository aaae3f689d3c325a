import { parseArgs } from 'node:util'
import { brokerNames, brokers, storeNames, stores } from './demo/products.js'
import type { DemoOptions } from './demo/demo.js'
import type { Servers } from './demo/products.js'

export const usage = `
  hapax demo           a stream of payments with honest trouble, through a bare
                       handler and a wrapped one

    --seed N           another history; the same seed is the same history
                       (default 1)
    --payments N       how many (default 300)
    --speed N          twice as fast with 2, as fast as it can with 0
                       (default 1; in memory only)
    --json             one JSON object instead of the table

  In memory, unless you name a broker and a store. Then three worker processes
  consume, and one is killed. What the demo makes there, it removes at the end.

    --kafka HOST:PORT  with kafkajs
    --rabbitmq URL     with amqplib

    --redis URL        with ioredis
    --postgres URL     with pg
    --mysql URL        MySQL or MariaDB, with mysql2
    --inbox            the charge is a row in that database, and commits
                       together with the record of it

  hapax --version
  hapax --help

  The exit status of the demo is 0 if the wrapped handler charged nothing twice
  and lost nothing, 1 if it did, and 2 if it could not run. Without --inbox,
  what the killed worker had in its hands may be charged twice.
`

/** What the command line asks for. */
export type Words =
  | { readonly command: 'version' }
  /** `asked` tells help from no command at all. */
  | { readonly command: 'help'; readonly asked: boolean }
  | { readonly command: 'demo'; readonly options: DemoOptions }
  | { readonly command: 'demo-worker'; readonly json: string }

/** Wrong words on the command line. */
export class WordsError extends Error {
  readonly code = 'wrong-words'
}

/** Reads the command line. Throws a `WordsError` for what cannot be, which names the option and says what to do. */
export function readWords(words: readonly string[]): Words {
  const { values, positionals } = parse(words)
  const [command, ...rest] = positionals
  if (values.version) return { command: 'version' }
  if (values.help || command === undefined || command === 'help') return { command: 'help', asked: values.help || command !== undefined }
  if (command === 'demo-worker') return { command, json: rest[0] ?? '' }
  if (command !== 'demo') throw new WordsError(`there is no command ${command}`)
  if (rest.length > 0) throw new WordsError(`the demo takes no ${rest.join(' ')}`)
  const servers = readServers(values)
  if (servers && values.speed !== undefined) throw new WordsError('--speed is for the demo without servers: leave it out')
  const speed = Number(values.speed ?? '1')
  if (!(speed >= 0)) throw new WordsError(`--speed must be a number of at least 0, and is ${values.speed}`)
  const options = {
    seed: wholeNumber('seed', values.seed, 0),
    payments: wholeNumber('payments', values.payments, 10),
    speed,
    json: values.json,
    servers,
  }
  return { command, options }
}

type Values = ReturnType<typeof parse>['values']

function parse(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: {
        seed: { type: 'string', default: '1' },
        payments: { type: 'string', default: '300' },
        speed: { type: 'string' },
        kafka: { type: 'string' },
        rabbitmq: { type: 'string' },
        redis: { type: 'string' },
        postgres: { type: 'string' },
        mysql: { type: 'string' },
        inbox: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
        version: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw new WordsError((error as Error).message)
  }
}

function readServers(values: Values): Servers | undefined {
  const namedBrokers = brokerNames.filter((option) => values[option] !== undefined)
  const namedStores = storeNames.filter((option) => values[option] !== undefined)
  const [broker, otherBroker] = namedBrokers
  const [store, otherStore] = namedStores
  if (otherBroker) throw new WordsError(`${written(namedBrokers)} are two brokers, and the demo takes one: leave one of them out`)
  if (otherStore)
    throw new WordsError(`${written(namedStores)} are ${namedStores.length} stores, and the demo takes one: leave the others out`)
  if (broker && !store)
    throw new WordsError(`--${broker} needs a store: add ${values.inbox ? '' : '--redis URL, '}--postgres URL or --mysql URL`)
  if (store && !broker) throw new WordsError(`--${store} needs a broker: add --kafka HOST:PORT or --rabbitmq URL`)
  if (!broker || !store) {
    if (values.inbox) throw new WordsError('--inbox needs a broker and a database: add for instance --kafka HOST:PORT --postgres URL')
    return undefined
  }
  if (values.inbox && !stores[store].hasInbox)
    throw new WordsError(
      `--inbox needs a database, which --${store} is none of: take --postgres URL or --mysql URL instead, or leave --inbox out`,
    )
  const places = { broker: { option: broker, at: values[broker] ?? '' }, store: { option: store, at: values[store] ?? '' } }
  for (const [{ option, at }, fault] of [
    [places.broker, brokers[broker].faultOf(places.broker.at)],
    [places.store, stores[store].faultOf(places.store.at)],
  ] as const) {
    if (fault !== undefined) throw new WordsError(`--${option} ${fault}, and is ${at === '' ? 'empty' : at}`)
  }
  return { ...places, inbox: values.inbox }
}

function written(options: readonly string[]): string {
  const dashed = options.map((option) => `--${option}`)
  return `${dashed.slice(0, -1).join(', ')} and ${dashed.at(-1) ?? ''}`
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text)
  if (text.trim() === '' || !Number.isSafeInteger(number) || number < least)
    throw new WordsError(`--${name} must be a whole number of at least ${least}, and is ${text}`)
  return number
}
