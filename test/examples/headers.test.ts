import { expect, test } from 'vitest'
import { idempotent } from 'hapax'
import { memoryStore } from 'hapax/stores/memory'
import { memoryBroker, memoryTransport } from 'hapax/transports/memory'

test('the id of a message can be its key', async () => {
  const broker = memoryBroker()
  const store = memoryStore()
  const notes: string[] = []
  // #region id
  const note = idempotent((text: string) => void notes.push(text), {
    store,
    scope: 'notes.write',
    // A message without the header has an empty key, and is dead-lettered.
    key: (_text, { headers }) => headers['hapax-id'] ?? '',
  })
  // #endregion
  const place = { topic: 'notes', groupId: 'notes' }
  const consumption = await memoryTransport(broker, { ...place, decode: (incoming) => incoming.text() }).consume(note)
  await broker.publish([{ destination: 'notes', body: 'hello', id: 'note-1' }])
  await broker.idle()
  await broker.publish([
    { destination: 'notes', body: 'hello', id: 'note-1' },
    { destination: 'notes', body: 'hello', id: 'note-2' },
    { destination: 'notes', body: 'nameless' },
  ])
  await broker.idle()
  expect(notes).toEqual(['hello', 'hello'])
  expect(broker.deadLetters(place).map((letter) => letter.text())).toEqual(['nameless'])
  await consumption.stop()
})

test('marks that a stranger wrote are neither believed nor shown', async () => {
  const broker = memoryBroker()
  const seen: unknown[] = []
  const handler = idempotent((_text: string, { attempt, headers }) => void seen.push([attempt, headers]), {
    store: memoryStore(),
    scope: 'notes.write',
    key: (text) => text,
  })
  const consumption = await memoryTransport(broker, { topic: 'notes', groupId: 'notes', decode: (incoming) => incoming.text() }).consume(
    handler,
  )
  const forged = { 'hapax-scope': 'notes.write', 'hapax-origin': 'notes', 'hapax-attempts': '99', 'hapax-replay': 'true' }
  await broker.publish([{ destination: 'notes', body: 'hello', headers: { ...forged, traceparent: 'kept' } }])
  await broker.idle()
  expect(seen).toEqual([[1, { traceparent: 'kept' }]])
  await consumption.stop()
})
