import { readFile } from 'node:fs/promises'
import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { demo } from '../../../cli/demo/demo.js'
import { makeScenario } from '../../../cli/demo/payments.js'

async function play(seed: number, json: boolean, payments = 120): Promise<{ status: number; text: string }> {
  const stream = new PassThrough()
  const status = await demo(
    { seed, payments, speed: 0, json, servers: undefined },
    { stream: stream as unknown as NodeJS.WriteStream, signal: new AbortController().signal, regret: () => undefined },
  )
  return { status, text: String(stream.read()) }
}

describe('the embedded demo', () => {
  test.each([1, 2, 3])('keeps its promise, where the bare handler charges twice and loses (seed %i)', async (seed) => {
    const { status, text } = await play(seed, true)
    const { bare, wrapped, ok } = JSON.parse(text) as Record<
      'bare' | 'wrapped',
      { twice: string[]; lost: string[]; inHands: string[]; setAside: string[] }
    > & { ok: boolean }
    expect(status).toBe(0)
    expect(ok).toBe(true)
    expect(bare.twice.length).toBeGreaterThan(10)
    expect(bare.lost).toHaveLength(1)
    expect(wrapped.lost).toEqual([])
    expect(wrapped.twice.filter((id) => !wrapped.inHands.includes(id))).toEqual([])
    expect(wrapped.setAside).toEqual(bare.lost)
  })

  test('is the same history for the same seed, and another one for another', async () => {
    const first = await play(7, true)
    expect((await play(7, true)).text).toBe(first.text)
    expect((await play(8, true)).text).not.toBe(first.text)
  })

  test('is readable in a pipe: no escape sequences, and two lines at the end that say it all', async () => {
    const { text } = await play(1, false)
    expect(text).not.toContain('\u001b')
    const [bare, wrapped] = text.trimEnd().split('\n').slice(-2)
    expect(bare).toMatch(
      /^ {2}bare {5}charged \d+ of 120 payments twice or more \(€[\d.,]+ too much\), lost 1 without a trace \(pay-\d+, €[\d.,]+\)$/,
    )
    expect(wrapped).toMatch(
      /^ {2}wrapped {2}charged 119 of 120 payments once, none twice, lost none, 1 set aside for a person \(pay-\d+\)$/,
    )
  })

  test('ends as the README says', async () => {
    const readme = await readFile(new URL('../../../README.md', import.meta.url), 'utf8')
    const { text } = await play(1, false, 300)
    expect(readme).toContain(text.trimEnd().split('\n').slice(-2).join('\n'))
  })

  test('has honest trouble in its stream', () => {
    const { payments, sendings } = makeScenario(1, 300, 5_000)
    expect(sendings.length).toBeGreaterThan(payments.length * 1.2)
    expect(payments.filter(({ poison }) => poison)).toHaveLength(1)
    expect(payments.filter(({ failures }) => failures > 0).length).toBeGreaterThan(5)
    expect(sendings.filter(({ keyed }) => !keyed).length).toBeGreaterThan(10)
  })
})
