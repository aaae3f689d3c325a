/** What every run has, whatever is run: a folder, servers, workers, a nemesis, a clock, a line that lives, and an end. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { servicesDir } from '../services/places.js'
import { openChance } from './chance.js'
import { readLedger } from './ledger.js'
import { openKafka } from './load/kafka.js'
import { openRabbitmq } from './load/rabbitmq.js'
import { faultsNamed, rage } from './nemesis/nemesis.js'
import { openWorld } from './servers/world.js'
import { ledgersIn, openCrew } from './workers/crew.js'
import type { Outage, Hit } from './checker/excuses.js'
import type { LedgerReader, Line } from './ledger.js'
import type { Broker } from './load/broker.js'
import type { Arena } from './nemesis/fault.js'
import type { Struck } from './nemesis/nemesis.js'
import type { Options } from './options.js'
import type { Sample } from './report/result.js'
import type { World } from './servers/world.js'
import type { Crew, Program } from './workers/crew.js'

export interface Stage {
  /** Also the topic or queue, the group, and the beginning of the names of tables. */
  readonly run: string
  readonly world: World
  readonly broker: Broker
  readonly hits: readonly Hit[]
  readonly hung: readonly string[]
  readonly struck: readonly Struck[]
  readonly samples: readonly Sample[]
  /** Since the servers were ready: the workers are hired then, and the load begins when they are there. */
  nowMs(): number
  say(text: string): void
  /** The line that lives. */
  live(text: string): void
  hire(programs: readonly Program[]): Promise<Crew>
  /** The load begins, and the nemesis has its way until the load ends. */
  begin(): void
  /** Ends the load; resolves when the last fault is over. */
  calm(): Promise<void>
  /** What the workers have written since the last time. */
  readOn(told: (line: Line) => void): void
  /** All that the workers have written of these messages. */
  linesOf(messages: ReadonlySet<number>): readonly Line[]
  /** Stops all workers in their own way. */
  stopWorkers(): Promise<void>
  outages(): readonly Outage[]
  close(): Promise<void>
}

const stopWithinMs = 45_000
/** Several may be open in one process. */
let opened = 0

export async function openStage(options: Options, print: (text: string, isLive: boolean) => void): Promise<Stage> {
  const run = `faults_${Date.now().toString(36)}_${process.pid}_${(opened += 1)}`
  const folder = join(servicesDir, 'faults', run)
  mkdirSync(folder, { recursive: true })
  const faults = faultsNamed(options.nemesis)
  const world = await openWorld(options.store, options.transport, folder)
  const broker = (options.transport === 'kafka' ? openKafka : openRabbitmq)(world.broker.direct, run)
  await broker.make().catch(async (error: unknown) => {
    await world.close()
    throw error
  })

  // The workers are hired a little before the load begins, and count from here as well.
  const originMs = performance.timeOrigin + performance.now()
  let crew: Crew | undefined
  const nowMs = (): number => performance.timeOrigin + performance.now() - originMs
  const hits: Hit[] = []
  const hung: string[] = []
  const struck: Struck[] = []
  const samples: Sample[] = []
  const ending = new AbortController()
  let raging: Promise<void> | undefined
  let sampling: Promise<void> | undefined
  let striking: { readonly name: string; readonly fromMs: number } | undefined
  const readers = new Map<string, LedgerReader>()

  const say = (text: string): void => print(`${clockOf(nowMs())}  ${text}`, false)
  const stage: Stage = {
    run,
    world,
    broker,
    hits,
    hung,
    struck,
    samples,
    nowMs,
    say,
    live: (text) => print(`${clockOf(nowMs())}  ${striking ? `${striking.name}: ` : ''}${text}`, true),
    async hire(programs) {
      const words = {
        store: options.store,
        storeAddress: world.store.address,
        broker: options.transport,
        brokerAddress: world.broker.address,
        run,
        mode: options.mode,
        originMs,
        leaseMs: options.leaseMs,
        windowMs: options.windowMs,
        concurrency: options.concurrency,
        ratePerSecond: options.rate / Math.max(1, programs.filter((program) => program === 'sender').length),
        seed: options.seed,
        heedless: options.heedless,
      }
      const hired = await openCrew({ words, folder, node: world.node, programs: ['schema', ...new Set(programs)], say })
      crew = hired
      if (options.store !== 'redis') {
        const schema = await hired.hire('schema')
        if (schema) hired.take(schema)
        await schema?.stop(stopWithinMs)
      }
      await Promise.all(programs.map((program) => hired.hire(program)))
      return hired
    },
    begin() {
      if (!crew) throw new Error('There are no workers yet')
      const members = crew
      const arena: Arena = {
        world,
        crew: members,
        chance: openChance(options.seed + 1_000),
        leaseMs: options.leaseMs,
        stopWithinMs,
        nowMs,
        pause: (ms) => sleep(ms, undefined, { signal: ending.signal }).catch(() => undefined),
        hit: (hit) => hits.push(hit),
        hung: (what) => hung.push(what),
      }
      raging = rage({
        faults,
        calmMs: options.calmMs,
        arena,
        isOver: () => ending.signal.aborted,
        onStrike: (name) => (striking = name === undefined ? undefined : { name, fromMs: nowMs() }),
        onStruck(one) {
          struck.push(one)
          say(`${one.fault.name.padEnd(15)} ${one.detail}`)
        },
      })
      if (options.soak) sampling = watch(stage, members, options, samples, ending.signal)
    },
    async calm() {
      ending.abort()
      await Promise.all([raging, sampling])
    },
    readOn(told) {
      for (const file of ledgersIn(folder)) {
        let reader = readers.get(file)
        if (!reader) readers.set(file, (reader = readLedger(file)))
        reader.readOn(told)
      }
    },
    linesOf(messages) {
      const lines: Line[] = []
      if (messages.size === 0) return lines
      for (const file of ledgersIn(folder)) readLedger(file).readOn((line) => messages.has(line.message) && lines.push(line))
      return lines
    },
    async stopWorkers() {
      crew?.dismiss()
      const members = [...(crew?.members ?? [])]
      await Promise.all(
        members.map(async (member) => {
          const fromMs = nowMs()
          await member.stop(stopWithinMs).catch((error: Error) => hung.push(error.message))
          hits.push({ worker: member.name, how: 'stopped', fromMs, toMs: nowMs() })
        }),
      )
    },
    outages: () => struck.filter(({ fault }) => fault.keepsFrom === 'store').map(({ fromMs, toMs }) => ({ fromMs, toMs })),
    async close() {
      // After a run that came to its end nobody is left, and no fault is under way.
      ending.abort()
      crew?.end()
      await Promise.allSettled([raging, sampling])
      await broker.close().catch(() => undefined)
      await world.close()
      if (!options.keep) rmSync(folder, { recursive: true, force: true })
    },
  }
  return stage
}

async function watch(stage: Stage, crew: Crew, { store, mode }: Options, samples: Sample[], signal: AbortSignal): Promise<void> {
  const count =
    store === 'redis'
      ? async () => Number((await stage.world.ask('DBSIZE'))[0]?.answer)
      : async () =>
          Number((await stage.world.ask(`select count(*) as n from ${mode === 'outbox' ? 'hapax_outbox' : 'hapax_records'}`))[0]?.n)
  while (!signal.aborted) {
    await sleep(10_000, undefined, { signal }).catch(() => undefined)
    const records = await count().catch(() => Number.NaN)
    const told = await Promise.all(crew.members.map(async (member) => ({ worker: member.name, sample: await member.sample() })))
    for (const { worker, sample } of told) if (sample) samples.push({ ...sample, atMs: stage.nowMs(), worker, records })
  }
}

export function clockOf(ms: number): string {
  const all = Math.max(0, Math.floor(ms / 1_000))
  const two = (number: number): string => String(number).padStart(2, '0')
  return `${two(Math.floor(all / 3_600))}:${two(Math.floor(all / 60) % 60)}:${two(all % 60)}`
}
