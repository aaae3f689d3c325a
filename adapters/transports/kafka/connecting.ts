/** What is looked at in the inside of kafkajs; whatever is not there is left alone. */
interface ClusterParts {
  readonly brokerPool?: { readonly brokers?: Readonly<Record<string, BrokerParts | undefined>> }
}

interface BrokerParts {
  readonly connectionPool?: { readonly pool?: readonly ConnectionParts[] }
}

interface ConnectionParts {
  connect?: () => Promise<unknown>
}

const shared = new WeakSet<ConnectionParts>()

/**
 * Two requests that find a connection broken, such as a heartbeat and a commit, have kafkajs 2.2.4 open it twice. It forgets the first of the two
 * sockets, which nobody closes any more: it keeps the process alive after its consumers have stopped, until the broker closes it ten minutes later. Here
 * the second one waits for the first.
 */
export function connectOnce(cluster: object): void {
  const { brokerPool } = cluster as ClusterParts
  for (const broker of Object.values(brokerPool?.brokers ?? {})) {
    for (const connection of broker?.connectionPool?.pool ?? []) {
      if (!connection.connect || shared.has(connection)) continue
      shared.add(connection)
      const connect = connection.connect.bind(connection)
      let connecting: Promise<unknown> | undefined
      connection.connect = () => {
        connecting ??= connect().finally(() => (connecting = undefined))
        return connecting
      }
    }
  }
}
