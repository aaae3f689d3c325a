import { check } from './check.js'
import { makeScenario } from './payments.js'
import { openView } from './view.js'
import { playEmbedded } from './embedded.js'
import { playOnServers } from './servers.js'
import type { Entry } from './ledger.js'
import type { Report } from './check.js'
import type { Way } from './handlers.js'
import type { Servers } from './servers.js'

export interface DemoOptions {
  readonly seed: number
  readonly payments: number
  /** How fast the embedded demo plays; 0 for as fast as it can. */
  readonly speed: number
  readonly json: boolean
  /** Real servers instead of the memory broker and store. */
  readonly servers: Servers | undefined
}

/** Plays the same stream through the bare and the wrapped handler. Answers the exit status: 0 if the wrapped one kept its promise. */
export async function demo(options: DemoOptions, stream: NodeJS.WriteStream): Promise<number> {
  const { seed, payments, json, servers } = options
  const scenario = makeScenario(seed, payments, servers ? 8_000 : 7_000)
  const colour = stream.isTTY && !process.env.NO_COLOR
  const view = json ? undefined : openView(stream, colour)
  if (view) {
    const where = servers ? `Kafka ${servers.kafka} and Redis` : `memory, seed ${seed}`
    stream.write(`\n  ${payments} payments in ${scenario.sendings.length} messages, by 3 workers, on ${where}\n\n`)
  }

  const play = async (way: Way): Promise<Report> => {
    const entries: Entry[] = []
    let atMs = 0
    const stage = {
      write: (entry: Entry): void => void entries.push(entry),
      entries: (): readonly Entry[] => entries,
      happening: (what: string): void => view?.happening(way, what),
      async pace(ms: number): Promise<void> {
        atMs += ms
        view?.update(way, atMs, entries)
        if (options.speed > 0 || servers) await new Promise((resolve) => setTimeout(resolve, servers ? ms : ms / options.speed))
      },
    }
    const played = servers ? await playOnServers(way, scenario, servers, stage) : await playEmbedded(way, scenario, seed, stage)
    const report = check({ payments: scenario.payments, ...played })
    view?.done(way, report)
    return report
  }

  const bare = await play('bare')
  const wrapped = await play('wrapped')
  view?.end(bare, wrapped)
  if (json)
    stream.write(
      `${JSON.stringify({ seed, servers: servers !== undefined, messages: scenario.sendings.length, bare, wrapped, ok: wrapped.ok })}\n`,
    )
  return wrapped.ok ? 0 : 1
}
