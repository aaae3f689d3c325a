import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openLedger, readLedger } from '../../faults/ledger.js'
import { openPlan } from '../../faults/load/plan.js'
import type { Line } from '../../faults/ledger.js'

const folder = mkdtempSync(join(tmpdir(), 'hapax-ledger-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('a ledger is read on from where it was left, and a line that was cut short is not told', () => {
  const file = join(folder, 'lease-1.ledger')
  const writer = openLedger(file, performance.timeOrigin)
  const reader = readLedger(file)
  const read = (): Line[] => {
    const lines: Line[] = []
    reader.readOn((line) => lines.push(line))
    return lines
  }
  writer.write('b', 17, '1')
  writer.write('o', 17, 'dead-lettered 3.5 it is é and more')
  expect(read()).toMatchObject([
    { worker: 'lease-1', what: 'b', message: 17, more: '1' },
    { what: 'o', message: 17, more: expect.stringContaining('dead-lettered 3.5 it is') as string },
  ])
  appendFileSync(file, '99 e 1')
  expect(read()).toEqual([])
  appendFileSync(file, '8\n')
  expect(read()).toEqual([{ worker: 'lease-1', atMs: 99, what: 'e', message: 18, more: '' }])
})

test('the same seed sends the same, however it is asked', () => {
  const options = { seed: 7, ratePerSecond: 500, workMs: 20, latestDuplicateMs: 5_000 }
  const all = (stepMs: number): string[] => {
    const plan = openPlan(options)
    const bodies: string[] = []
    for (let nowMs = stepMs; nowMs <= 20_000; nowMs += stepMs) {
      for (let due = plan.due(nowMs, 50); due.length > 0; due = plan.due(nowMs, 50)) bodies.push(...due.map(({ body }) => body))
    }
    return [...bodies, ...plan.rest().map(({ body }) => body)].sort()
  }
  const bodies = all(1_000)
  expect(bodies.length).toBeGreaterThan(9_000)
  expect(all(20)).toEqual(bodies)
  // About 30 % of all messages are duplicates, and a few of them fail for ever.
  const distinct = new Set(bodies).size
  expect(1 - distinct / bodies.length).toBeGreaterThan(0.25)
  const plan = openPlan(options)
  plan.due(20_000, 100_000)
  expect(Array.from({ length: plan.messages }, (_, number) => plan.isPoison(number)).filter(Boolean).length).toBeGreaterThan(3)
})
