/** For peers that are queues: who has put something in waits until this process has handled it. */
export interface Waiting {
  /** Resolves when the key was handled, and at once if it was before. */
  until(key: string): Promise<void>
  done(key: string): void
}

export function openWaiting(): Waiting {
  const waiting = new Map<string, (() => void)[] | 'done'>()
  return {
    until(key) {
      const others = waiting.get(key)
      if (others === 'done') return Promise.resolve()
      return new Promise((resolve) => waiting.set(key, [...(others ?? []), resolve]))
    },
    done(key) {
      const who = waiting.get(key)
      waiting.set(key, 'done')
      if (who !== 'done') who?.forEach((resolve) => resolve())
    },
  }
}
