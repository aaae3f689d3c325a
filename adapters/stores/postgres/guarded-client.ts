import type { PostgresClient } from './clients.js'

/** A connection for the time of one transaction. */
export interface GuardedClient {
  readonly tx: object
  /** From now on queries are refused: the connection belongs to others. */
  end(): void
}

/**
 * Hands out a connection as it is, but for two things: it does not run queries any more once its transaction is over, and it cannot be given
 * back to the pool by whoever it is handed to.
 */
export function guardClient(client: PostgresClient): GuardedClient {
  let over = false

  const query = (...given: unknown[]): unknown => {
    if (!over) return (client.query as (...given: unknown[]) => unknown).apply(client, given)
    const error = new Error('This transaction is over: what is sent through it now would not be part of it')
    const callback = given.at(-1)
    if (typeof callback !== 'function') return Promise.reject(error)
    Reflect.apply(callback, undefined, [error])
    return undefined
  }
  const release = (): void => {
    throw new Error('The connection of a transaction goes back to the pool by itself')
  }
  const tx = new Proxy(client, {
    get(target, name) {
      if (name === 'query') return query
      if (name === 'release') return release
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
  return { tx, end: () => void (over = true) }
}
