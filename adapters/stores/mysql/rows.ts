/** The record after a step. */
export interface Row {
  readonly state: number
  readonly token: number
  readonly attempts: number
  readonly lapses: number
  readonly leftMs: number
  /** Whether the step was the last one to write it. */
  readonly written: boolean
  /** Whether it has the nonce of the step. */
  readonly sameNonce: boolean
  /** Whether it is not over. */
  readonly live: boolean
}

/** What `concat_ws` of the row's columns said; undefined where there was no row. */
export function readRow(texts: readonly string[]): Row | undefined {
  const [text] = texts
  if (texts.length !== 1 || text === undefined) throw unreadable(texts)
  return text === '' ? undefined : read(text, 8)
}

/** The same where the statement that wrote the row says it, so that nobody else can have come between: what it took has its nonce, and is not over. */
export function writtenRow(text: string): Row {
  const row = read(text, 6)
  return { ...row, sameNonce: row.written, live: row.written }
}

function read(text: string, columns: number): Row {
  const numbers = text.split(' ').map(Number)
  if (numbers.length !== columns || !numbers.every(Number.isSafeInteger)) throw unreadable(text)
  const [state = 0, token = 0, attempts = 0, lapses = 0, leftMs = 0, written, sameNonce, live] = numbers
  return { state, token, attempts, lapses, leftMs, written: written === 1, sameNonce: sameNonce === 1, live: live === 1 }
}

export function unreadable(answer: unknown): Error {
  return new Error(`The database gave an answer that a statement of Hapax never gives: ${JSON.stringify(answer)}`)
}
