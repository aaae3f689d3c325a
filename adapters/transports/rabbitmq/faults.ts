import { ConfigurationError, PublishRefusedError, hasCode, messageOf } from '../../../src/index.js'

/** The reply code of AMQP in an error of amqplib's: 404 not found, 403 refused, 405 locked, 406 precondition failed. */
export function replyCode(error: unknown): number | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'number' ? error.code : undefined
}

/** The text that the server sent, out of what amqplib wraps around it. */
export function serverText(error: unknown): string {
  const text = messageOf(error)
  return /with message "(.*)"$/s.exec(text)?.[1] ?? text
}

/** The queue that is consumed, or that copies come back through, cannot be. Errors that may pass by themselves stay as they are. */
export function explainQueue(error: unknown, option: string, queue: string): unknown {
  const text = serverText(error)
  const because = (what: string): ConfigurationError => new ConfigurationError(option, `The queue ${queue} ${what}`, { cause: error })
  switch (replyCode(error)) {
    case 404:
      // The node that holds it is down.
      if (text.includes('inaccessible')) return error
      return because(`does not exist; create it first, durable`)
    case 405:
      return because('belongs to another connection alone (exclusive); consume one that is declared without exclusive')
    case 403:
      if (text.includes('exclusive use')) return because('has an exclusive consumer, beside which there can be no other; end that one')
      return because(`must not be read by this user (${text}); grant read on it`)
    default:
      return error
  }
}

/** The server has failed, and closed the connection: it says nothing of what it was asked for (541). */
export function isServersOwn(error: unknown): boolean {
  return replyCode(error) === 541
}

/** Later tries will end the same way: rights that were taken away, queues that are not ours. */
export function isHopeless(error: unknown): boolean {
  if (!hasCode(error, 'configuration') || !(error instanceof Error)) return false
  const code = replyCode(error.cause)
  return code === 406 || (code === 403 && !serverText(error.cause).includes('exclusive use'))
}

/** The channel was closed for what this one message is: then it will never be taken. Those that travelled beside it are told nothing. */
export function refusalOf(
  fault: unknown,
  { exchange, routingKey, content }: { readonly exchange: string; readonly routingKey: string; readonly content: Uint8Array },
): PublishRefusedError | undefined {
  const code = replyCode(fault)
  const text = serverText(fault)
  const refuse = (): PublishRefusedError => new PublishRefusedError(`RabbitMQ refuses this message: ${text}`, { cause: fault })
  if (code === 406) return text.includes(`message size ${content.length} is larger`) ? refuse() : undefined
  if (code !== 403 && code !== 404) return undefined
  const named = /exchange '(.*)' in vhost/s.exec(text)?.[1]
  const topic = /topic '(.*)' in exchange/s.exec(text)?.[1]
  return named === (exchange || 'amq.default') && (topic === undefined || topic === routingKey) ? refuse() : undefined
}

/** The broker has sent it back: mandatory, and no queue took it. */
export function returnedError({ exchange, routingKey }: { readonly exchange: string; readonly routingKey: string }): PublishRefusedError {
  const place = exchange === '' ? `the queue ${routingKey}` : `the exchange ${exchange} with the routing key ${routingKey}`
  return new PublishRefusedError(`Nothing arrives at ${place}: there is no queue that it leads to`)
}

export function unknownError(cause: unknown): Error {
  return new Error(`The message may have been published or not: ${messageOf(cause)}`, { cause })
}
