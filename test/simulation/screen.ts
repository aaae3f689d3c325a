/** Where a run is told. */
export interface Screen {
  /** A line that stays. */
  say(line: string): void
  /** How far it is: one line that is written over again and again on a terminal, and one from time to time elsewhere. */
  progress(line: string): void
  /** Nothing but one JSON object is to be said. */
  readonly json: boolean
}

/** A part of a stream: where it is said, and whether that is a terminal. */
export type Output = Pick<NodeJS.WriteStream, 'write'> & Partial<Pick<NodeJS.WriteStream, 'isTTY' | 'columns'>>

const onTerminalMs = 100
const elsewhereMs = 10_000

export function openScreen(output: Output, json: boolean): Screen {
  const terminal = output.isTTY === true
  let lastAt = terminal ? 0 : performance.now()
  let shown = false
  const clear = (): void => {
    if (shown) output.write('\r\u001b[K')
    shown = false
  }
  return {
    json,
    say(line) {
      clear()
      output.write(`${line}\n`)
    },
    progress(line) {
      if (json || performance.now() - lastAt < (terminal ? onTerminalMs : elsewhereMs)) return
      lastAt = performance.now()
      if (!terminal) return void output.write(`${line}\n`)
      clear()
      output.write(line.slice(0, (output.columns || 80) - 1))
      shown = true
    },
  }
}
