/** What somebody writes by hand to handle a batch of kafkajs with several messages at once, none resolved before those in front of it. */
import type { EachBatchPayload, KafkaMessage } from 'kafkajs'

const heartbeatEvery = 64

export async function sideBySide(
  { batch, resolveOffset, heartbeat }: EachBatchPayload,
  concurrency: number,
  work: (message: KafkaMessage) => Promise<void>,
): Promise<void> {
  const { messages } = batch
  const isDone = new Uint8Array(messages.length)
  let [next, resolved] = [0, 0]
  const worker = async (): Promise<void> => {
    while (next < messages.length) {
      const index = next++
      const message = messages[index]
      if (message) await work(message)
      isDone[index] = 1
      while (isDone[resolved] === 1) resolveOffset(messages[resolved++]?.offset ?? '')
      if (index % heartbeatEvery === 0) await heartbeat()
    }
  }
  await Promise.all(Array.from({ length: concurrency }, worker))
}
