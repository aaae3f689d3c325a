import { KeyError, messageOf } from './errors.js'
import { isPromiseLike } from './promises.js'
import { recordKeysOf } from './key.js'
import type { HandlerOptions } from './handler.js'
import type { Delivery, MessageHeaders } from './delivery.js'

/** What names a message: its business key, and the record under which a store knows it. */
export interface Named {
  readonly key: string
  readonly record: string
}

/** Names the messages of one handler. */
export type Naming<Message> = (message: Message, headers: MessageHeaders) => Named

/**
 * Throws a `KeyError` for a message that has no key: one that is empty, or no text, would make one message of many, and all but the first would be
 * lost as duplicates.
 */
export function openNaming<Message>(options: Pick<HandlerOptions<Message>, 'key' | 'scope'>): Naming<Message> {
  const recordOf = recordKeysOf(options.scope)
  const keyOf = (message: Message, headers: MessageHeaders): unknown => {
    try {
      return options.key(message, { headers })
    } catch (error) {
      throw new KeyError(`the function key threw: ${messageOf(error)}`, { cause: error })
    }
  }
  return (message, headers) => {
    const key = keyOf(message, headers)
    if (typeof key !== 'string') throw new KeyError(`the function key gave ${key === null ? 'null' : typeof key} instead of a text`)
    if (key === '') throw new KeyError('the function key gave an empty text')
    return { key, record: recordOf(key) }
  }
}

/** A message that was decoded and named, or why it could not be. */
export type Read<Message> = (Named & { readonly message: Message }) | { readonly error: unknown }

/** Decodes a message and computes its key, before the handler can change it. */
export function readDelivery<Message>(nameOf: Naming<Message>, delivery: Delivery<Message>): Read<Message> | Promise<Read<Message>> {
  const name = (message: Message): Read<Message> => {
    const { key, record } = nameOf(message, delivery.incoming.headers)
    return { message, key, record }
  }
  const unread = (error: unknown): Read<Message> => ({ error })
  try {
    const decoded = delivery.decode()
    return isPromiseLike(decoded) ? Promise.resolve(decoded).then(name).catch(unread) : name(decoded)
  } catch (error) {
    return unread(error)
  }
}
