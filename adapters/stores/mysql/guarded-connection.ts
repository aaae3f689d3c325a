import { isConflict, orConflict } from './faults.js'
import type { MysqlConnection } from './clients.js'

/** A connection for the time of one transaction. */
export interface GuardedConnection {
  readonly tx: object
  /** The conflict with which the server gave up the transaction, if it has. */
  readonly lost: { readonly error: unknown } | undefined
  /** From now on statements are refused. Resolves when those sent before have been answered. */
  close(): Promise<void>
  /** From now on none is sent any more, not even those in line. */
  cut(): void
}

const sending = new Set(['query', 'execute', 'prepare', 'ping'])
/** What the transaction is begun and ended by is the store's. */
const refusing = new Set(['beginTransaction', 'commit', 'rollback', 'changeUser', 'reset', 'release', 'destroy', 'end', 'close'])

/**
 * Hands out a connection of mysql2 as it is, but for three things. It runs no statements once its transaction is over. It cannot be given back to the pool, or
 * its transaction ended, by whoever it is handed to. And after a deadlock it runs none either: the server has rolled back the whole
 * transaction then, and would commit each further statement by itself.
 */
export function guardConnection(connection: MysqlConnection): GuardedConnection {
  let over = false
  let isCut = false
  let lost: { readonly error: unknown } | undefined
  let line: Promise<unknown> = Promise.resolve()

  const stop = (): Error | undefined => {
    if (over && !lost) return new Error('This transaction is over: what is sent through it now would not be part of it')
    return lost && (orConflict(lost.error) as Error)
  }
  /** One at a time, as the connection does it anyway, so that none is on its way when another one meets a conflict. */
  const inLine = (run: () => Promise<unknown>): Promise<unknown> => {
    const refused = stop()
    if (refused) return Promise.reject(refused)
    const answer = line.then(() => {
      const late = isCut || lost ? stop() : undefined
      if (late) throw late
      return run()
    })
    line = answer.catch((error: unknown) => {
      if (isConflict(error)) lost ??= { error }
    })
    return answer
  }

  const guard = <Target extends object>(target: Target): Target =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name)
        if (name === 'connection' && typeof value === 'object' && value !== null) return guardCallbacks(value, stop)
        if (typeof value !== 'function' || typeof name !== 'string') return value
        const call = (...given: unknown[]): unknown => Reflect.apply(value, target, given)
        if (refusing.has(name))
          return () => {
            throw new Error(`${name}() is not for the handler to call: the transaction and its connection are the store's`)
          }
        if (!sending.has(name)) return call
        return (...given: unknown[]) =>
          inLine(async () => {
            const answer = await (call(...given) as Promise<unknown>)
            return name === 'prepare' && typeof answer === 'object' && answer !== null ? guardPrepared(answer, inLine) : answer
          })
      },
    })

  return {
    tx: guard(connection),
    get lost() {
      return lost
    },
    async close() {
      over = true
      await line
    },
    cut() {
      over = true
      isCut = true
    },
  }
}

function guardPrepared(statement: object, inLine: (run: () => Promise<unknown>) => Promise<unknown>): object {
  return new Proxy(statement, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      const call = (...given: unknown[]): Promise<unknown> => Reflect.apply(value, target, given) as Promise<unknown>
      return name === 'execute' ? (...given: unknown[]) => inLine(() => call(...given)) : call
    },
  })
}

/** The connection below the promises, for whoever reaches for it. */
function guardCallbacks(core: object, stop: () => Error | undefined): object {
  return new Proxy(core, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...given: unknown[]): unknown => {
        const error = stop()
        if (error && (name === 'query' || name === 'execute')) throw error
        return Reflect.apply(value, target, given)
      }
    },
  })
}
