/**
 * The ledger of a run, as the workers write it and the checker reads it: text, one file per worker process. A line is
 * `<milliseconds since the run began> <what> <number of the message> [more]`.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { basename } from 'node:path'

/** `b`: a run of the handler began. `e`: its effect is done. `o`: a delivery's outcome was told. `t`: a trouble was told. */
export type What = 'b' | 'e' | 'o' | 't'

export interface Line {
  readonly worker: string
  readonly atMs: number
  readonly what: What
  /** -1 where there is none. */
  readonly message: number
  /** The outcome, how many milliseconds it took, and the reason if there is one; or the kind of trouble, and what belongs to it. */
  readonly more: string
}

export interface LedgerWriter {
  /** Written when this returns: it outlives a SIGKILL. */
  write(what: What, message: number, more?: string): void
}

/** `originMs` is when the run began, in milliseconds since 1970. */
export function openLedger(file: string, originMs: number): LedgerWriter {
  const descriptor = openSync(file, 'a')
  // Not `Date`: a fault may set the clock that this process sees.
  const since = performance.timeOrigin - originMs
  return {
    write(what, message, more = '') {
      writeSync(descriptor, `${Math.round(since + performance.now())} ${what} ${message}${more === '' ? '' : ` ${more}`}\n`)
    },
  }
}

/** Reads on where it left off, line by line; a line that was cut short by a kill never ends, and is never told. */
export interface LedgerReader {
  readOn(told: (line: Line) => void): void
}

export function readLedger(file: string): LedgerReader {
  const worker = basename(file, '.ledger')
  const chunk = Buffer.alloc(1 << 20)
  let position = 0
  let rest = ''
  return {
    readOn(told) {
      const descriptor = openSync(file, 'r')
      try {
        for (;;) {
          const many = readSync(descriptor, chunk, 0, chunk.length, position)
          if (many === 0) return
          position += many
          // One byte per character: what is not ASCII in a reason does not matter here, and cannot be cut in half.
          const lines = (rest + chunk.toString('latin1', 0, many)).split('\n')
          rest = lines.pop() ?? ''
          for (const line of lines) told(parse(worker, line))
        }
      } finally {
        closeSync(descriptor)
      }
    },
  }
}

function parse(worker: string, line: string): Line {
  const [at = '', what = '', message = ''] = line.split(' ', 3)
  return { worker, atMs: Number(at), what: what as What, message: Number(message), more: line.slice(at.length + message.length + 4) }
}
