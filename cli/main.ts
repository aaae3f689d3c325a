#!/usr/bin/env node
import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { demo } from './demo/demo.js'
import { runDemoWorker } from './demo/worker.js'

const usage = `
  hapax demo       a stream of payments with honest trouble, through a bare handler and a wrapped one

    --seed N           another history; the same seed is the same history (default 1)
    --payments N       how many (default 300)
    --speed N          twice as fast with 2, as fast as it can with 0 (default 1; embedded only)
    --kafka HOST:PORT  on a real Kafka and a real Redis, with worker processes, one of which is killed;
    --redis URL        takes both (npm install kafkajs ioredis)
    --json             one JSON object instead of the table

  hapax --version
  hapax --help

  The exit status of the demo is 0 if the wrapped handler charged nothing twice and lost nothing,
  but for what the killed worker had in its hands, 1 if it did, and 2 if it could not run.
`

/** Wrong words on the command line: said in one line, without a stack. */
function unusable(message: string): never {
  process.stderr.write(`hapax: ${message}\n${usage}`)
  process.exit(2)
}

function wholeNumber(name: string, text: string, least: number): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number) || number < least) unusable(`--${name} must be a whole number of at least ${least}, and is ${text}`)
  return number
}

function read(): ReturnType<typeof parseWords> {
  try {
    return parseWords()
  } catch (error) {
    return unusable(error instanceof Error ? error.message : String(error))
  }
}

function parseWords() {
  return parseArgs({
    allowPositionals: true,
    options: {
      seed: { type: 'string', default: '1' },
      payments: { type: 'string', default: '300' },
      speed: { type: 'string', default: '1' },
      kafka: { type: 'string' },
      redis: { type: 'string' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false, short: 'h' },
      version: { type: 'boolean', default: false },
    },
  })
}

async function main(): Promise<number> {
  const { values, positionals } = read()
  const [command, ...rest] = positionals
  if (values.version) {
    const { version } = createRequire(import.meta.url)('hapax/package.json') as { version: string }
    process.stdout.write(`${version}\n`)
    return 0
  }
  if (values.help || command === undefined || command === 'help') {
    process.stdout.write(usage)
    return command === undefined && !values.help ? 2 : 0
  }
  if (command === 'demo-worker') return runDemoWorker(rest[0] ?? '')
  if (command !== 'demo') unusable(`there is no command ${command}`)
  if (rest.length > 0) unusable(`the demo takes no ${rest.join(' ')}`)
  if ((values.kafka === undefined) !== (values.redis === undefined)) unusable('--kafka and --redis go together')
  const speed = Number(values.speed)
  if (!(speed >= 0)) unusable(`--speed must be a number of at least 0, and is ${values.speed}`)
  const servers = values.kafka !== undefined && values.redis !== undefined ? { kafka: values.kafka, redis: values.redis } : undefined
  return demo(
    {
      seed: wholeNumber('seed', values.seed, 0),
      payments: wholeNumber('payments', values.payments, 10),
      speed,
      json: values.json,
      servers,
    },
    process.stdout,
  )
}

main().then(
  (status) => {
    process.exitCode = status
  },
  (error: unknown) => {
    process.stderr.write(`hapax: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 2
  },
)
