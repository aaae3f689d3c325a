/** A record as it is kept: compared byte by byte, whatever the encoding of the database. */
export function bytes(record: string): Uint8Array {
  return Buffer.from(record)
}

/** A lease or a window lasts at least a millisecond, and no fraction of one is kept. */
export function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms))
}

export function unexpected(answer: unknown): Error {
  return new Error(`SQLite gave an answer that no statement of this store gives: ${JSON.stringify(answer) ?? 'none'}`)
}
