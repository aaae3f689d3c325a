/** What is looked at in the inside of kafkajs; whatever is not there is left alone. */
interface ClusterParts {
  readonly connectionPoolBuilder?: { build?: (...destination: unknown[]) => Promise<PoolParts> }
  readonly brokerPool?: { readonly seedBroker?: BrokerParts; readonly brokers?: Readonly<Record<string, BrokerParts | undefined>> }
}

interface BrokerParts {
  readonly connectionPool?: PoolParts
}

interface PoolParts {
  readonly pool?: readonly ConnectionParts[]
  readonly destroy?: () => Promise<unknown>
}

interface ConnectionParts {
  connect?: () => Promise<unknown>
}

/** The connections of one kafkajs consumer, those included that it has forgotten. */
export interface Connections {
  /** Closes what is still open. Nothing is opened any more. */
  close(): Promise<void>
}

/**
 * kafkajs 2.2.4 leaves connections open that it has forgotten: two requests that find one broken, such as a heartbeat and a commit, both open it, and the
 * first socket is lost; what is asked of a broker whose address it has looked up again since, such as to leave the group, opens a connection that its
 * `disconnect` does not know; and a commit that is tried again after that connects anew. Such a socket keeps the process alive after its consumers have
 * stopped, until the broker closes it ten minutes later. So a second request waits for the first, every connection is remembered, and none is opened
 * after the end.
 */
export function followConnections(cluster: object): Connections {
  const { brokerPool, connectionPoolBuilder } = cluster as ClusterParts
  /** Weakly: one that has no open socket any more may go. In an outage there are many. */
  const pools = new Set<WeakRef<PoolParts>>()
  let isClosed = false
  const follow = (pool: PoolParts | undefined): void => {
    if (!pool) return
    for (const ref of pools) if (!ref.deref()) pools.delete(ref)
    pools.add(new WeakRef(pool))
    for (const connection of pool.pool ?? []) connectOnce(connection, () => isClosed)
  }

  for (const broker of [brokerPool?.seedBroker, ...Object.values(brokerPool?.brokers ?? {})]) follow(broker?.connectionPool)
  const build = connectionPoolBuilder?.build
  if (connectionPoolBuilder && build) {
    connectionPoolBuilder.build = async (...destination) => {
      const pool = await build(...destination)
      follow(pool)
      return pool
    }
  }
  return {
    async close() {
      isClosed = true
      await Promise.allSettled([...pools].map(async (ref) => ref.deref()?.destroy?.()))
    },
  }
}

function connectOnce(connection: ConnectionParts, isClosed: () => boolean): void {
  if (!connection.connect) return
  const connect = connection.connect.bind(connection)
  let connecting: Promise<unknown> | undefined
  connection.connect = () => {
    // Not one of kafkajs's own errors, after which it would try again.
    if (isClosed()) return Promise.reject(new Error('This consumer has been closed'))
    connecting ??= connect().finally(() => (connecting = undefined))
    return connecting
  }
}
