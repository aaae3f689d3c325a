import { spawnSync } from 'node:child_process'
import { openScreen } from '../simulation/screen.js'
import { readCommand, UnusableError, usage, type Command } from './arguments.js'
import { cells } from './cells.js'
import { root } from './places.js'
import { runCell, type Result } from './run-cell.js'
import { tableOf } from './table.js'

const command = read(process.argv.slice(2))
const screen = openScreen(process.stdout, false)
const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort())

if (command.what === 'help') screen.say(usage)
else if (command.what === 'list') for (const { name, about } of command.cells) screen.say(`${name.padEnd(16)} ${about}`)
else if (spawnSync('npm', ['run', 'services'], { cwd: root, stdio: 'inherit' }).status !== 0) process.exitCode = 1
else {
  const results: Result[] = []
  for (const cell of command.cells) {
    if (stopping.signal.aborted) break
    const result = await runCell(cell, stopping.signal, (line) => screen.progress(line))
    screen.say(`${result.failures.length === 0 ? 'ok    ' : 'FAILED'} ${cell.name.padEnd(16)} ${Math.round(result.seconds)} s`)
    results.push(result)
  }
  screen.say(`\n${tableOf(results)}`)
  if (stopping.signal.aborted) screen.say('Stopped before the end.')
  if (stopping.signal.aborted || results.some(({ failures }) => failures.length > 0)) process.exitCode = 1
}

function read(words: readonly string[]): Command {
  try {
    return readCommand(words, cells())
  } catch (error) {
    if (!(error instanceof UnusableError)) throw error
    console.error(error.message)
    process.exit(2)
  }
}
