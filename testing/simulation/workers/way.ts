import { never } from './process.js'
import type { Point } from '../plan.js'
import type { Process } from './process.js'
import type { Pass, World } from '../world.js'

/** The way of one process to one server and back. */
export interface Way {
  /** Has `effect` take place at the server, and hears of it: as the weather is, and as what lies in wait at this point wants it. */
  call<Value>(point: Point, effect: () => Promise<Value>, options?: CallOptions): Promise<Value>
}

export interface CallOptions {
  /** After so long without an answer the client gives up. @default never: whoever calls has a limit of its own */
  readonly patienceMs?: number | undefined
  /** The error where it is not known whether the call took effect, or that it could not be sent. */
  readonly unknown?: (() => Error) | undefined
  /** The error where the server refuses the call by itself. */
  readonly refusal?: (() => Error) | undefined
}

export interface WayParts {
  readonly server: 'store' | 'broker'
  readonly slot: number
  readonly process: Process
  readonly pass: Pass
}

export function openWay<Tx>(world: World<Tx>, { server, slot, process, pass }: WayParts): Way {
  const { scheduler, weather, noise } = world
  const transitMs = (): number => world.transitMs() + weather.slowMs(server) * noise.fraction()

  return {
    async call(point, effect, { patienceMs, unknown, refusal = refused } = {}) {
      if (process.state === 'dead') return never()
      const fault = pass(point, 'before')
      if (process.state === 'stalled') await process.turn(0)
      if (process.state !== 'alive') return never()
      if (fault) world.tell({ what: 'call-fault', worker: process.name, step: point, how: fault.how, byMs: fault.byMs })

      return new Promise((resolve, reject) => {
        let cancel = (): void => undefined
        const hear = (go: () => void, lateMs = 0): void =>
          process.wake(transitMs() + lateMs, () => {
            cancel()
            go()
          })
        const lost = (): void => hear(() => reject((unknown ?? noAnswer)()))
        if (patienceMs !== undefined) cancel = process.runtime.clock.schedule(patienceMs, () => reject((unknown ?? noAnswer)()))

        const cut = weather.cutFrom(server, slot)
        if (cut === 'refused') return hear(() => reject((unknown ?? refused)()))
        if (cut === 'silent' || fault?.how === 'lost-request') return
        const failing = point === 'commit' ? weather.commitsOf(slot) : undefined
        if (failing !== undefined) return failing === 'conflict' ? hear(() => reject(refusal())) : lost()

        const arrive = async (): Promise<void> => {
          if (fault?.how === 'fails') return hear(() => reject(refusal()))
          const answer = await effect().then(
            (value) => () => resolve(value),
            (error: unknown) => () => reject(error),
          )
          pass(point, 'after')
          const cutMeanwhile = weather.cutFrom(server, slot)
          if (cutMeanwhile === 'refused') return lost()
          if (cutMeanwhile === undefined && fault?.how !== 'lost-answer') hear(answer, fault?.how === 'late-answer' ? fault.byMs : 0)
        }
        scheduler.schedule(transitMs() + (fault?.how === 'late-request' ? fault.byMs : 0), () => void arrive())
        // A client library that sends again what was not answered on an old connection: nobody hears the second answer.
        if (fault?.how === 'twice') scheduler.schedule(transitMs() + fault.byMs, () => void effect().catch(() => undefined))
      })
    },
  }
}

const refused = (): Error => new Error('The connection is refused')
const noAnswer = (): Error => new Error('The connection broke before the answer came')
