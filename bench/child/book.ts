import { setTimeout as sleep } from 'node:timers/promises'

/** Who was handled: what a contender is judged by before it is rated. */
export interface Book {
  /** The handler of the user. */
  readonly handle: (key: string) => Promise<void>
  /** How many runs there were. */
  readonly runs: number
  /** How many keys were run. */
  readonly keys: number
  clear(): void
}

/** @param handlerMs how long the handler takes; with 0 it does nothing */
export function openBook(handlerMs: number): Book {
  const keys = new Set<string>()
  let runs = 0
  const note = (key: string): void => {
    runs += 1
    keys.add(key)
  }
  return {
    handle:
      handlerMs === 0
        ? async (key) => note(key)
        : async (key) => {
            await sleep(handlerMs)
            note(key)
          },
    get runs() {
      return runs
    },
    get keys() {
      return keys.size
    },
    clear() {
      keys.clear()
      runs = 0
    },
  }
}

/** Why what was handled is not what was sent; undefined when it is. */
export function faultOf({ runs, keys }: Pick<Book, 'runs' | 'keys'>, sent: number, expectedRuns = sent): string | undefined {
  if (keys !== sent) return `${keys} of ${sent} keys were handled`
  if (runs !== expectedRuns) return `${runs} runs for ${sent} keys, where ${expectedRuns} were asked for`
  return undefined
}
