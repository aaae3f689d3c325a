import { describe, expect, test } from 'vitest'
import { openGate } from '../../../src/gate.js'

const never = new AbortController().signal

/** Whether a promise has settled once everything that is due has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let done = false
  void promise.then(() => (done = true))
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
  return done
}

describe('the gate', () => {
  test('lets ordinary messages in side by side, and one suspect beside them', () => {
    const gate = openGate()
    expect(gate.tryEnter('ordinary')).toBeDefined()
    expect(gate.tryEnter('ordinary')).toBeDefined()
    const leave = gate.tryEnter('suspect')
    expect(leave).toBeDefined()
    expect(gate.tryEnter('suspect')).toBeUndefined()
    leave?.()
    expect(gate.tryEnter('suspect')).toBeDefined()
  })

  test('one that is to run alone waits for all others, and nothing new starts meanwhile', async () => {
    const gate = openGate()
    const leaveOrdinary = gate.tryEnter('ordinary')
    const alone = gate.enter('alone', never)
    const later = gate.enter('ordinary', never)
    expect(gate.tryEnter('ordinary')).toBeUndefined()
    expect(await settled(alone)).toBe(false)
    leaveOrdinary?.()
    const leaveAlone = await alone
    expect(await settled(later)).toBe(false)
    leaveAlone?.()
    expect(await later).toBeDefined()
  })

  test('who gives up waiting to be alone lets the others in again', async () => {
    const gate = openGate()
    gate.tryEnter('ordinary')
    const patience = new AbortController()
    const alone = gate.enter('alone', patience.signal)
    const later = gate.enter('ordinary', never)
    expect(await settled(later)).toBe(false)
    patience.abort()
    expect(await alone).toBeUndefined()
    expect(await later).toBeDefined()
  })

  test('several wait to be alone: one after the other', async () => {
    const gate = openGate()
    const first = gate.tryEnter('alone')
    const second = gate.enter('alone', never)
    const third = gate.enter('alone', never)
    first?.()
    const leave = await second
    expect(await settled(third)).toBe(false)
    leave?.()
    expect(await third).toBeDefined()
  })
})
