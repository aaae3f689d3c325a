#!/usr/bin/env node
import { createRequire } from 'node:module'
import { demo } from './demo/demo.js'
import { readWords, usage, WordsError } from './words.js'
import { runDemoWorker } from './demo/worker.js'

const say = (what: string): void => void process.stderr.write(`hapax: ${what}\n`)

/** Aborted by Ctrl-C and its kin. The second one ends the process at once. */
const stopping = new AbortController()
const endings = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const
let ending: keyof typeof endings | undefined

async function main(): Promise<number> {
  const words = readWords(process.argv.slice(2))
  switch (words.command) {
    case 'version': {
      const { version } = createRequire(import.meta.url)('hapax/package.json') as { version: string }
      process.stdout.write(`${version}\n`)
      return 0
    }
    case 'help':
      process.stdout.write(usage)
      return words.asked ? 0 : 2
    case 'demo-worker':
      return runDemoWorker(words.json)
    case 'demo':
      // Without servers nothing is left behind, and the signal may do what it does.
      for (const name of words.options.servers ? (['SIGHUP', 'SIGINT', 'SIGTERM'] as const) : []) {
        process.once(name, () => {
          ending ??= name
          stopping.abort(new Error('stopped'))
        })
      }
      // Whoever read has gone, as `head` does: then there is no point in going on, but something to remove.
      if (words.options.servers) process.stdout.on('error', (error) => stopping.abort(error))
      return demo(words.options, { stream: process.stdout, signal: stopping.signal, regret: say })
  }
}

function fail(error: unknown): number {
  if (ending) {
    // Over the ^C of the terminal.
    if (process.stderr.isTTY) process.stderr.write('\r\u001b[2K')
    say('stopped')
    return endings[ending]
  }
  say(error instanceof Error ? error.message : String(error))
  if (error instanceof WordsError) process.stderr.write('       hapax --help tells the options\n')
  return 2
}

// A client that could not connect may keep a timer or a socket: nothing that is left over is waited for.
main()
  .catch(fail)
  .then(
    (status) => process.stdout.write('', () => process.exit(status)),
    () => process.exit(2),
  )
