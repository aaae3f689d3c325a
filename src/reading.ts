import { KeyError, messageOf } from './errors.js'
import { recordKey } from './key.js'
import type { HandlerOptions } from './handler.js'
import type { MessageHeaders } from './delivery.js'

/** What names a message: its business key, and the record under which a store knows it. */
export interface Named {
  readonly key: string
  readonly record: string
}

/**
 * The key of a message. Throws a `KeyError` where there is none: a key that is empty, or no text, would make one message of many, and all but the first
 * would be lost as duplicates.
 */
export function nameMessage<Message>(
  options: Pick<HandlerOptions<Message>, 'key' | 'scope'>,
  message: Message,
  headers: MessageHeaders,
): Named {
  let key: unknown
  try {
    key = options.key(message, { headers })
  } catch (error) {
    throw new KeyError(`the function key threw: ${messageOf(error)}`, { cause: error })
  }
  if (typeof key !== 'string') throw new KeyError(`the function key gave ${key === null ? 'null' : typeof key} instead of a text`)
  if (key === '') throw new KeyError('the function key gave an empty text')
  return { key, record: recordKey(options.scope, key) }
}
