import { refuse, refuseUnless } from '../../../src/index.js'

export interface QueueNames {
  readonly queue: string
  /** Copies come back through it, from the delay queues; consumed beside the queue. */
  readonly retry: string
  readonly deadLetter: string
  /** The delay queue of every step, in ascending order. */
  readonly delays: readonly { readonly queue: string; readonly stepMs: number }[]
  /** The delay queue of the shortest step that is long enough, or of the longest. */
  delayFor(delayMs: number): { readonly queue: string; readonly stepMs: number }
}

export interface QueueNameOptions {
  readonly queue: string
  readonly delayStepsMs: readonly number[]
  readonly retryQueuePrefix?: string | undefined
  readonly deadLetterQueue?: string | undefined
}

const longestName = 255
/** What RabbitMQ takes as a queue's time to live. */
const longestStepMs = 4_294_967_295

function refuseUnlessQueue(option: string, name: string, good: string): void {
  refuseUnless.text(option, name, { most: longestName, good })
  if (Buffer.byteLength(name) > longestName) throw refuse(option, name, `at most ${longestName} bytes long`, `'${good}'`)
  // RabbitMQ declares a queue without them, and then knows none of that name.
  if (/[\r\n]/.test(name)) throw refuse(option, name, 'a name without line breaks', `'${good}'`)
}

function refuseUnlessOurs(option: string, name: string, good: string): void {
  refuseUnlessQueue(option, name, good)
  if (name.startsWith('amq.'))
    throw refuse(option, name, "a name that does not begin with 'amq.', which RabbitMQ keeps for itself", `'${good}'`)
}

/** The names of a group's queues, checked: what RabbitMQ would refuse is refused at construction. */
export function openQueueNames(options: QueueNameOptions): QueueNames {
  const { queue, delayStepsMs } = options
  refuseUnlessQueue('queue', queue, 'orders')
  refuseUnless.wholeNumbers('delayStepsMs', delayStepsMs, { least: 1, good: [1_000, 10_000, 60_000, 600_000] })
  if (delayStepsMs.some((stepMs, place) => stepMs > longestStepMs || (place > 0 && stepMs <= (delayStepsMs[place - 1] ?? 0)))) {
    throw refuse(
      'delayStepsMs',
      delayStepsMs,
      `in ascending order, each step once, none over ${longestStepMs}`,
      '[1000, 10000, 60000, 600000]',
    )
  }
  const { retryQueuePrefix: prefix = queue } = options
  const good = `hapax.${queue.slice(0, 40)}`
  refuseUnlessOurs('retryQueuePrefix', prefix, good)
  const delays = delayStepsMs.map((stepMs) => ({ queue: `${prefix}.retry.${stepMs}`, stepMs }))
  const [first] = delays
  const longest = delays.at(-1)
  if (!first || !longest) throw refuse('delayStepsMs', delayStepsMs, 'a list of at least one step', '[1000, 10000, 60000, 600000]')
  refuseUnlessOurs('retryQueuePrefix', longest.queue, good)
  const retry = `${prefix}.retry`
  const { deadLetterQueue: deadLetter = `${prefix}.dlq` } = options
  refuseUnlessOurs('deadLetterQueue', deadLetter, `${good}.dlq`)

  const consumed = [queue, retry, ...delays.map((delay) => delay.queue)]
  if (consumed.includes(deadLetter)) {
    throw refuse('deadLetterQueue', deadLetter, 'another queue than those that are consumed or that copies wait in', `'${good}.dlq'`)
  }
  if (consumed.indexOf(queue, 1) > 0)
    throw refuse('retryQueuePrefix', prefix, 'such that the queue itself is none of those for retries', `'${good}'`)
  return {
    queue,
    retry,
    deadLetter,
    delays,
    delayFor: (delayMs) => delays.find(({ stepMs }) => stepMs >= delayMs) ?? longest,
  }
}
