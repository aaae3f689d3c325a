import type { OutgoingMessage, TopicMessages } from './client.js'

/** How many messages travel in one request. */
export const mostMessages = 500
/** Brokers judge a batch by its size, 1 MiB by default. */
export const mostBytes = 500_000

/** About as many bytes as a message takes in a request. */
export function sizeOf({ key, value, headers }: OutgoingMessage): number {
  let size = 100 + (key?.length ?? 0) + (value?.length ?? 0)
  for (const [name, header] of Object.entries(headers)) {
    for (const each of Array.isArray(header) ? header : [header]) size += name.length + (each?.length ?? 0) + 10
  }
  return size
}

/** The list cut into pieces that each fit into one request. */
export function* inRuns(
  messages: readonly OutgoingMessage[],
): Generator<{ readonly messages: readonly OutgoingMessage[]; readonly size: number }> {
  let run: OutgoingMessage[] = []
  let runSize = 0
  for (const message of messages) {
    const size = sizeOf(message)
    if (run.length > 0 && (run.length >= mostMessages || runSize + size > mostBytes)) {
      yield { messages: run, size: runSize }
      run = []
      runSize = 0
    }
    run.push(message)
    runSize += size
  }
  if (run.length > 0) yield { messages: run, size: runSize }
}

/** As kafkajs wants them; those of one topic in their order. */
export function byTopic(runs: readonly { readonly topic: string; readonly messages: readonly OutgoingMessage[] }[]): TopicMessages[] {
  const topics = new Map<string, OutgoingMessage[]>()
  for (const { topic, messages } of runs) {
    const known = topics.get(topic)
    if (known) known.push(...messages)
    else topics.set(topic, [...messages])
  }
  return [...topics].map(([topic, messages]) => ({ topic, messages }))
}
