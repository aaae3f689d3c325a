import { createServer } from 'node:net'

/** The first of so many ports in a row that nobody listens on, at this moment. */
export async function freePorts(many: number): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 10_000)
    const taken = await Promise.all(Array.from({ length: many }, (_, index) => isTaken(first + index)))
    if (!taken.includes(true)) return first
  }
}

/** A port that nobody listens on, for a server that is told its port, or that goes and comes back. */
export function freePort(): Promise<number> {
  return freePorts(1)
}

function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const listening = createServer()
    listening.once('error', () => resolve(true))
    listening.listen(port, '127.0.0.1', () => listening.close(() => resolve(false)))
  })
}
