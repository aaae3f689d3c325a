import type { Cut } from '../plan.js'

/** How the ways between workers and servers are at the moment. Troubles of one kind may overlap. */
export interface Weather {
  /** How this worker's way to the server is cut, if it is. */
  cutFrom(server: 'store' | 'broker', worker: number): Cut | undefined
  /** How much longer a way to the server may take. */
  slowMs(server: 'store' | 'broker'): number
  /** How the commits of this worker fail, if they do. */
  commitsOf(worker: number): 'conflict' | 'unknown' | undefined
  /** Cuts the way of one worker, or of all. Returns what mends it. */
  cut(server: 'store' | 'broker', worker: number | 'all', how: Cut): () => void
  slow(byMs: number): () => void
  failCommits(worker: number, how: 'conflict' | 'unknown'): () => void
}

export function openWeather(): Weather {
  const cuts = new Set<{ readonly server: 'store' | 'broker'; readonly worker: number | 'all'; readonly how: Cut }>()
  const slows = new Set<{ readonly byMs: number }>()
  const commits = new Set<{ readonly worker: number; readonly how: 'conflict' | 'unknown' }>()
  const enter = <Trouble>(troubles: Set<Trouble>, trouble: Trouble): (() => void) => {
    troubles.add(trouble)
    return () => void troubles.delete(trouble)
  }

  return {
    cutFrom(server, worker) {
      for (const cut of cuts) if (cut.server === server && (cut.worker === 'all' || cut.worker === worker)) return cut.how
      return undefined
    },
    slowMs(server) {
      let most = 0
      if (server === 'store') for (const { byMs } of slows) most = Math.max(most, byMs)
      return most
    },
    commitsOf(worker) {
      for (const failing of commits) if (failing.worker === worker) return failing.how
      return undefined
    },
    cut: (server, worker, how) => enter(cuts, { server, worker, how }),
    slow: (byMs) => enter(slows, { byMs }),
    failCommits: (worker, how) => enter(commits, { worker, how }),
  }
}
