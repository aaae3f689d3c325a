/** A run of consumers: messages with duplicates through workers that are hit, and then judged. */
import { setTimeout as sleep } from 'node:timers/promises'
import { openBook } from './checker/book.js'
import { judge } from './checker/judge.js'
import { openDriver } from './load/driver.js'
import { openPlan } from './load/plan.js'
import { ledgerTable } from './names.js'
import { spansOf } from './recovery.js'
import type { Options } from './options.js'
import type { Result } from './report/result.js'
import type { Stage } from './stage.js'

/** How long is waited for what is left when no fault comes any more. */
const patienceMs = 300_000

export async function runConsumers(options: Options & { readonly mode: 'lease' | 'inbox' }, stage: Stage): Promise<Result> {
  const { mode, rate, seed, workMs, minutes, store } = options
  const { world, broker, run, nowMs } = stage
  if (mode === 'inbox') {
    await world.ask(`create table ${ledgerTable(run)} (message integer not null, worker varchar(40) not null, at bigint not null)`)
  }

  const plan = openPlan({ seed, ratePerSecond: rate, workMs, latestDuplicateMs: 20_000 })
  const book = openBook()
  const beganAt = new Date().toISOString()
  const crew = await stage.hire(Array.from({ length: options.workers }, () => mode))
  stage.say(`${options.workers} workers are ready; ${rate} messages/s for ${minutes} min`)
  const loadFrom = nowMs()
  const driver = openDriver({ plan, broker, nowMs: () => nowMs() - loadFrom, onConfirmed: (number) => book.confirmed(number, nowMs()) })
  stage.begin()

  const readOn = (): void =>
    stage.readOn((line) => {
      if (line.what === 'e') book.effect(line.message, line.atMs)
      else book.line(line)
    })
  const isOpen = (number: number): boolean => !book.isDone(number) && book.confirmedMs(number) !== undefined
  /** The first message that is not known to be done: those before it need not be looked at again. */
  let first = 0
  const open = (): number => {
    while (first < plan.messages && !isOpen(first)) first += 1
    let many = 0
    for (let number = first; number < plan.messages; number += 1) if (isOpen(number)) many += 1
    return many
  }
  const tick = (): number => {
    readOn()
    const many = open()
    const told = Object.entries(book.outcomes).map(([status, times]) => `${times} ${status}`)
    stage.live(`sent ${book.sent}, to be done ${many}; ${told.join(', ')}`)
    return many
  }
  while (nowMs() < loadFrom + minutes * 60_000) {
    await sleep(1_000)
    tick()
  }
  await stage.calm()
  await driver.stop()
  const loadMs = nowMs()
  stage.say('all is sent, and the faults are over')
  const deadline = nowMs() + patienceMs
  while (tick() > 0 && nowMs() < deadline) await sleep(500)
  let left = await broker.left()
  while (left > 0 && nowMs() < deadline) {
    await sleep(500)
    tick()
    left = await broker.left()
  }
  await stage.stopWorkers()
  readOn()
  stage.say('all workers have stopped')

  if (mode === 'inbox') {
    for (const { message, at } of await world.ask(`select message, at from ${ledgerTable(run)}`)) book.effect(Number(message), Number(at))
  }
  const deadLetters = (await broker.deadLetters()).map(({ body, reason }) => ({ message: numberIn(body), reason }))
  const verdict = judge({
    mode,
    messages: plan.messages,
    isPoison: (number) => plan.isPoison(number),
    book,
    linesOf: (messages) => stage.linesOf(messages),
    circumstances: { hits: stage.hits, outages: stage.outages(), leaseMs: options.leaseMs },
    deadLetters,
    leftOnBroker: await broker.left(),
    crashes: crew.crashes,
    hung: stage.hung,
  })
  const effects: { readonly sentMs: number; readonly effectMs: number }[] = []
  for (let number = 0; number < plan.messages; number += 1) {
    const [sentMs, effectMs] = [book.confirmedMs(number), book.firstEffectMs(number)]
    if (sentMs !== undefined && effectMs !== undefined) effects.push({ sentMs, effectMs })
  }
  return {
    title: `${store}, ${options.transport}, ${mode}`,
    command: options.command,
    beganAt,
    lengthMs: nowMs(),
    loadMs,
    workers: options.workers,
    seconds: book.seconds((number) => plan.isPoison(number)),
    faults: spansOf(stage.struck, book.effectTimes(), effects),
    verdict,
    latencies: book.latencies(),
    samples: stage.samples,
  }
}

function numberIn(body: string): number {
  try {
    return (JSON.parse(body) as { n: number }).n
  } catch {
    return Number.NaN
  }
}
