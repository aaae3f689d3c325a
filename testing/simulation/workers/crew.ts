import { openWorker } from './worker.js'
import { derivedRandom } from '../chance.js'
import type { Worker } from './worker.js'
import type { World } from '../world.js'

/** The workers of a history: who stands for which number at the moment, and how each comes and goes. */
export interface Crew {
  begin(slot: number): Promise<void>
  current(slot: number): Worker | undefined
  /** The process dies; the broker notices a while later, and a new one begins after `downMs`. */
  crash(slot: number, downMs: number): void
  stall(slot: number, forMs: number): void
  rebalance(slot: number): void
  /** Stops gracefully; a new one begins after `downMs`, unless that is undefined. Resolves once it has stopped, or died. */
  stop(slot: number, downMs: number | undefined): Promise<void>
  /** All that stalls goes on, and whoever is missing begins. */
  mend(): void
  /** All processes there ever were. */
  readonly workers: readonly Worker[]
}

/** How long a broker takes at most to notice that a consumer is dead. */
const noticedWithinMs = 1_500

/** How long a worker that was killed by its message is away. */
const downAfterKillMs = 200

export function openCrew<Tx>(world: World<Tx>): Crew {
  const { plan, scheduler, noise, broker, tell } = world
  const workers: Worker[] = []
  const slots = plan.workers.map(() => ({ worker: undefined as Worker | undefined, count: 0, coming: false }))
  const mended = new Set<() => void>()

  const begin = async (slot: number): Promise<void> => {
    const place = slots[slot]
    if (!place || place.worker) return
    const name = `worker-${slot + 1}${place.count > 0 ? `.${place.count + 1}` : ''}`
    place.count += 1
    const worker = openWorker(world, {
      slot,
      name,
      random: derivedRandom(plan.seed, name),
      crash: (key) => end(worker, slot, key, downAfterKillMs),
    })
    place.worker = worker
    workers.push(worker)
    tell({ what: 'began', worker: name, slot, mode: plan.workers[slot]?.mode ?? 'lease' })
    await worker.begin()
  }
  const beginLater = (slot: number, downMs: number): void => {
    scheduler.schedule(downMs, () => void begin(slot))
  }
  const end = (worker: Worker, slot: number, killedBy: string | undefined, downMs: number): void => {
    const place = slots[slot]
    if (!place || worker.process.state === 'dead') return
    worker.process.crash()
    tell({ what: 'crashed', worker: worker.process.name, killedBy })
    scheduler.schedule(noticedWithinMs * noise.fraction(), () => {
      if (worker.consumption) broker.crash(worker.consumption)
      tell({ what: 'buried', worker: worker.process.name })
    })
    if (place.worker !== worker) return
    place.worker = undefined
    beginLater(slot, downMs)
  }

  return {
    begin,
    current: (slot) => slots[slot]?.worker,
    crash(slot, downMs) {
      const worker = slots[slot]?.worker
      if (worker) end(worker, slot, undefined, downMs)
    },
    stall(slot, forMs) {
      const worker = slots[slot]?.worker
      if (worker?.process.state !== 'alive') return
      const { process } = worker
      process.stall()
      tell({ what: 'stalled', worker: process.name, forMs })
      const resume = (): void => {
        mended.delete(resume)
        if (process.state !== 'stalled') return
        tell({ what: 'resumed', worker: process.name })
        process.resume()
      }
      mended.add(resume)
      scheduler.schedule(forMs, resume)
    },
    rebalance(slot) {
      const worker = slots[slot]?.worker
      if (!worker?.consumption) return
      tell({ what: 'rebalanced', worker: worker.process.name })
      broker.rebalance(worker.consumption)
    },
    async stop(slot, downMs) {
      const place = slots[slot]
      const worker = place?.worker
      if (!place || !worker) return
      place.worker = undefined
      if (downMs !== undefined) beginLater(slot, downMs)
      tell({ what: 'stopping', worker: worker.process.name })
      const dead = new Promise<void>((resolve) => worker.process.whenDead(resolve))
      const stopped = worker.process.turn(0).then(() => worker.consumption?.stop())
      await Promise.race([stopped, dead])
      if (worker.process.state === 'dead') return
      tell({ what: 'stopped', worker: worker.process.name })
    },
    mend() {
      for (const resume of mended) resume()
      for (let slot = 0; slot < slots.length; slot += 1) void begin(slot)
    },
    workers,
  }
}
