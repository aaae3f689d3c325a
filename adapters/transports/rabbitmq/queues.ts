import { ConfigurationError } from '../../../src/index.js'
import { explainQueue, replyCode, serverText } from './faults.js'
import type { Link } from './link.js'
import type { QueueArguments } from './client.js'
import type { QueueNames } from './queue-names.js'

/** `auto` takes quorum queues where the server has what copies need of them, and queues that are there already as they are. */
export type QueueType = 'auto' | 'quorum' | 'classic'

export interface QueuesParts {
  readonly names: QueueNames
  readonly createQueues: boolean
  readonly queueType: QueueType
}

/** A queue of the group's own: what is particular to it, beside its type. */
interface Declared {
  readonly queue: string
  readonly option: string
  readonly quorum: QueueArguments
  readonly classic: QueueArguments
}

/** A full queue refuses copies instead of dropping some, and copies leave only for a queue that has confirmed them. */
const safe: QueueArguments = { 'x-overflow': 'reject-publish', 'x-dead-letter-strategy': 'at-least-once' }
/** Where the two types differ: what an existing queue of the other type is refused for first. */
const ofTypes = ['x-queue-type', 'x-overflow', 'x-dead-letter-strategy']

/** Sees to it that the queue is there, and the group's own queues beside it. */
export async function prepareQueues(link: Link, parts: QueuesParts): Promise<void> {
  const { names } = parts
  try {
    await link.aside((channel) => channel.checkQueue(names.queue))
  } catch (error) {
    throw explainQueue(error, 'queue', names.queue)
  }
  await prepareOwn(link, parts)
}

/** The group's own queues, which must be there whenever copies are published. */
export async function prepareOwn(link: Link, { names, createQueues, queueType }: QueuesParts): Promise<void> {
  await Promise.all(declarations(names).map((each) => (createQueues ? declare(link, each, queueType) : find(link, each))))
}

function declarations(names: QueueNames): readonly Declared[] {
  const leadTo = (queue: string): QueueArguments => ({ 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': queue })
  const backOff = leadTo(names.retry)
  return [
    { queue: names.deadLetter, option: 'deadLetterQueue', quorum: { 'x-overflow': 'reject-publish' }, classic: {} },
    // From RabbitMQ 4 on a quorum queue drops what was delivered often, which says nothing about the message where consumers come and go. It begins anew.
    { queue: names.retry, option: 'retryQueuePrefix', quorum: { ...safe, ...leadTo(names.queue) }, classic: {} },
    ...names.delays.map(({ queue, stepMs }) => ({
      queue,
      option: 'delayStepsMs',
      quorum: { ...safe, ...backOff, 'x-message-ttl': stepMs },
      classic: { ...backOff, 'x-message-ttl': stepMs },
    })),
  ]
}

async function declare(link: Link, { queue, option, quorum, classic }: Declared, queueType: QueueType): Promise<void> {
  const variants: QueueArguments[] = []
  if (queueType !== 'classic') variants.push({ 'x-queue-type': 'quorum', ...quorum })
  if (queueType !== 'quorum') variants.push({ 'x-queue-type': 'classic', ...classic })
  const refusals: unknown[] = []
  for (const wanted of variants) {
    try {
      await link.aside((channel) => channel.assertQueue(queue, { durable: true, arguments: wanted }))
      return
    } catch (error) {
      if (replyCode(error) !== 406) throw explainDeclare(error, option, queue)
      refusals.push(error)
    }
  }
  const telling = refusals.find((error) => !ofTypes.some((name) => serverText(error).includes(`'${name}'`))) ?? refusals[0]
  throw explainDeclare(telling, option, queue)
}

async function find(link: Link, { queue, option }: Declared): Promise<void> {
  try {
    await link.aside((channel) => channel.checkQueue(queue))
  } catch (error) {
    if (replyCode(error) !== 404) throw explainQueue(error, option, queue)
    throw new ConfigurationError(
      'createQueues',
      `The queue ${queue} does not exist, and createQueues is false: create it, as the documentation of the RabbitMQ transport says, or leave createQueues out`,
      { cause: error },
    )
  }
}

function explainDeclare(error: unknown, option: string, queue: string): unknown {
  const text = serverText(error)
  switch (replyCode(error)) {
    case 406:
      return new ConfigurationError(
        option,
        `The queue ${queue} cannot be declared as this transport needs it (${text}). What a queue was created with cannot be changed: delete it once it is empty, or name others by the options retryQueuePrefix and deadLetterQueue`,
        { cause: error },
      )
    case 403:
      return new ConfigurationError(
        'createQueues',
        `This user must not create the queue ${queue} (${text}). Grant configure, read and write on it, or create it and set createQueues: false`,
        { cause: error },
      )
    case 405:
      return explainQueue(error, option, queue)
    default:
      return error
  }
}
