import { randomBytes } from 'node:crypto'

/** Nobody else has it: for prefixes, tables, databases, topics and queues. */
export function freshName(): string {
  return `bench_${randomBytes(4).toString('hex')}`
}
