/** A run of an outbox: processes that send in transactions, relays that publish, both of them hit; and a bare consumer, which is not, that notes what arrives in which order. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBook } from './checker/book.js'
import { judgeOutbox } from './checker/judge-outbox.js'
import { sentTable } from './names.js'
import { spansOf } from './recovery.js'
import type { Committed } from './checker/judge-outbox.js'
import type { Options } from './options.js'
import type { Result } from './report/result.js'
import type { Stage } from './stage.js'

/** How long is waited for what is left when no fault comes any more. */
const patienceMs = 300_000

export async function runOutbox(options: Options, stage: Stage): Promise<Result> {
  const { world, broker, run, nowMs } = stage
  // SQLite has `pragma journal_mode`, which answers; the others have no such thing.
  if (options.store === 'sqlite') await world.ask('pragma journal_mode = wal')
  await world.ask(
    `create table ${sentTable(run)} (id varchar(40) primary key, entity varchar(40) not null, place integer not null, at bigint not null)`,
  )
  /** Each with when it came first, in the order in which they came. */
  const arrived = new Map<string, number>()
  let arrivals = 0
  const beganAt = new Date().toISOString()
  const reader = await broker.read(run, ({ body }) => {
    arrivals += 1
    const { id } = JSON.parse(body) as { id: string }
    if (!arrived.has(id)) arrived.set(id, nowMs())
  })
  const relays = Math.max(1, options.workers - 1)
  const crew = await stage.hire(['sender', ...Array.from({ length: relays }, () => 'relay' as const)])
  stage.say(`one sender and ${relays} relays are ready; ${options.rate} messages/s for ${options.minutes} min`)
  stage.begin()

  const book = openBook()
  let committed = 0
  const tick = (): void => {
    stage.readOn((line) => {
      // What a sender notes is how many messages it has just committed.
      if (line.what === 'e') committed += line.message
      else book.line(line)
    })
    stage.live(`committed at least ${committed}, arrived ${arrived.size}, again ${arrivals - arrived.size}`)
  }
  const loadFrom = nowMs()
  while (nowMs() < loadFrom + options.minutes * 60_000) {
    await sleep(1_000)
    tick()
  }
  await stage.calm()
  for (const sender of crew.members.filter(({ program }) => program === 'sender')) {
    crew.take(sender)
    await sender.stop(30_000)
  }
  const loadMs = nowMs()
  stage.say('all is committed, and the faults are over')
  const deadline = nowMs() + patienceMs
  const waiting = async (): Promise<number> => Number((await world.ask('select count(*) as n from hapax_outbox where lane >= 0'))[0]?.n)
  let left = await waiting()
  while (left > 0 && nowMs() < deadline) {
    await sleep(500)
    tick()
    left = await waiting()
  }
  const sent: Committed[] = (await world.ask(`select id, entity, place, at from ${sentTable(run)}`)).map(({ id, entity, place, at }) => ({
    id: String(id),
    entity: String(entity),
    place: Number(place),
    atMs: Number(at),
  }))
  // What was confirmed has arrived, but for what is on its way to the reader.
  for (const from = nowMs(); nowMs() < from + 30_000 && sent.some(({ id }) => !arrived.has(id));) await sleep(200)
  await sleep(1_000)
  await stage.stopWorkers()
  tick()
  await reader.close()
  stage.say('all workers have stopped')

  const setAside = Number((await world.ask('select count(*) as n from hapax_outbox where lane = -1'))[0]?.n)
  for (const [number, { id, atMs }] of sent.entries()) {
    book.confirmed(number, atMs)
    const at = arrived.get(id)
    if (at !== undefined) book.effect(number, at)
  }
  const verdict = judgeOutbox({ sent, arrived, arrivals, left, setAside, troubles: book.troubles, crashes: crew.crashes, hung: stage.hung })
  const effects = sent.flatMap(({ id, atMs }) => {
    const effectMs = arrived.get(id)
    return effectMs === undefined ? [] : [{ sentMs: atMs, effectMs }]
  })
  return {
    title: `${options.store}, ${options.transport}, outbox`,
    command: options.command,
    beganAt,
    lengthMs: nowMs(),
    loadMs,
    workers: options.workers,
    seconds: book.seconds(() => false),
    faults: spansOf(stage.struck, book.effectTimes(), effects),
    verdict,
    latencies: book.latencies(),
    samples: stage.samples,
  }
}
