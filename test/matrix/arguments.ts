import { parseArgs } from 'node:util'
import type { Cell } from './cells.js'

export const usage = `
  npm run matrix                       runs every cell: the suites with another Node, Kafka or client library each
  npm run matrix -- --only NAME ...    runs the cells whose names begin so; may be given more than once
  npm run matrix -- --list             names the cells

  What a cell prints is in .services/matrix/CELL.log.
  The exit status is 0 if all passed, 1 if something did not, 2 if there is no such cell.
`

export type Command = { readonly what: 'help' } | { readonly what: 'list' | 'run'; readonly cells: readonly Cell[] }

/** Words on the command line that cannot be meant. The message is one line. */
export class UnusableError extends Error {}

/** Reads the command line. Throws an `UnusableError`. */
export function readCommand(words: readonly string[], all: readonly Cell[]): Command {
  const { only, list, help } = parseWords(words)
  if (help) return { what: 'help' }
  const strange = only.find((name) => !all.some((cell) => cell.name.startsWith(name)))
  if (strange !== undefined) {
    throw new UnusableError(`no cell's name begins with ${strange}; there are ${all.map(({ name }) => name).join(', ')}`)
  }
  const cells = all.filter(({ name }) => only.length === 0 || only.some((each) => name.startsWith(each)))
  return { what: list ? 'list' : 'run', cells }
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      options: {
        only: { type: 'string', multiple: true, default: [] },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    }).values
  } catch (error) {
    throw new UnusableError(error instanceof Error ? (error.message.split(/\. To specify|\n/)[0] ?? '') : String(error))
  }
}
