import { textsOf } from './clients.js'
import type { OutboxEntry } from '../../../src/index.js'
import type { MysqlValue, Send } from './clients.js'

/** A statement up to this length is taken by every server that is not set to less by hand. */
const surelyTakenBytes = 500_000
/** What a row takes in a statement beside its head and body, at most. */
const rowBytes = 300

export interface AddingStatements {
  add(messages: number): string
  readonly maxPacket: string
}

/**
 * Adds entries by one statement. A server that is sent a longer one than it takes (`max_allowed_packet`) closes the connection, and with it the transaction, and does not always come to
 * say why: so that is found out before. `bytesSent` says how many bytes of the statement stand for one of a parameter.
 */
export async function addEntries(
  send: Send,
  statements: AddingStatements,
  entries: readonly OutboxEntry[],
  bytesSent: number,
): Promise<void> {
  const bytes = entries.reduce((sum, { head, body }) => sum + rowBytes + bytesSent * (head.length + body.length), 0)
  if (bytes > surelyTakenBytes) {
    const [most] = textsOf(await send(statements.maxPacket))
    if (bytes > Number(most)) {
      throw new Error(
        `The messages take ${bytes} bytes in one statement, and the server takes ${most} (max_allowed_packet). ` +
          'Nothing was sent to it. Raise that, send fewer messages at once, or keep the content elsewhere and send where it is',
      )
    }
  }
  await send(statements.add(entries.length), entries.flatMap(valuesOf))
}

function valuesOf({ lane, key, head, body }: OutboxEntry): readonly MysqlValue[] {
  return [lane, Buffer.from(key ?? ''), Buffer.from(head), Buffer.from(body.buffer, body.byteOffset, body.byteLength)]
}
