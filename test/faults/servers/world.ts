/** The servers of one run: of its own, on ports and in folders of its own, each behind a proxy that the workers go through. */
import { join } from 'node:path'
import { openProxy, openProxyTo } from '../../services/proxy.js'
import { nodeBinary } from '../../package/nodes.js'
import { startKafka } from '../../services/kafka.js'
import { startMariadb } from '../../services/mariadb.js'
import { startPostgres } from '../../services/postgres.js'
import { startRabbitmq } from '../../services/rabbitmq.js'
import { startRedis } from '../../services/redis.js'
import { ask } from './asking.js'
import { freePorts } from '../../services/free-ports.js'
import type { Proxy } from '../../services/proxy.js'
import type { Server } from '../../services/server.js'
import type { BrokerName, StoreName } from '../names.js'
import type { Row } from './asking.js'

/** A server and the way to it. */
export interface Place<Name> {
  readonly name: Name
  readonly server: Server
  readonly proxy: Proxy
  /** For the workers. */
  readonly address: string
  /** Past the proxy. */
  readonly direct: string
}

export interface World {
  /** SQLite has no server, and its address is a file. */
  readonly store:
    | Place<StoreName>
    | { readonly name: 'sqlite'; readonly server: undefined; readonly proxy: undefined; readonly address: string; readonly direct: string }
  readonly broker: Place<BrokerName>
  /** The Node that the workers run on. */
  readonly node: string
  /** A statement of SQL, or a command of Redis. */
  ask(text: string): Promise<readonly Row[]>
  close(): Promise<void>
}

export async function openWorld(store: StoreName, broker: BrokerName, folder: string): Promise<World> {
  // `node:sqlite` came with Node 22.
  const node = store === 'sqlite' ? nodeBinary('22.23.3') : process.execPath
  const opening = [openStorePlace(store, join(folder, store)), openBrokerPlace(broker, join(folder, broker))] as const
  const close = async (): Promise<void> => {
    for (const opened of await Promise.allSettled(opening)) {
      if (opened.status === 'rejected') continue
      opened.value.proxy?.close()
      opened.value.server?.resume()
      await opened.value.server?.kill()
    }
  }
  // Servers outlive the process that starts them: of two, the one that could start must not be left.
  const [first, second] = await Promise.all(opening).catch(async (error: unknown) => {
    await close()
    throw error
  })
  return {
    store: first,
    broker: second,
    node,
    ask: (text) => ask(store, first.direct, text, node),
    close,
  }
}

async function openStorePlace(name: StoreName, dir: string): Promise<World['store']> {
  if (name === 'sqlite') {
    const file = `${dir}.db`
    return { name, server: undefined, proxy: undefined, address: file, direct: file }
  }
  const port = await freePorts(1)
  const direct = {
    redis: `redis://127.0.0.1:${port}`,
    postgres: `postgres://postgres@127.0.0.1:${port}/postgres`,
    mariadb: `mysql://root@127.0.0.1:${port}/test`,
  }[name]
  const start = { redis: startRedis, postgres: startPostgres, mariadb: startMariadb }[name]
  const [server, proxy] = await Promise.all([start({ port, dir }), openProxyTo(direct, port)])
  return { name, server, proxy, address: proxy.url, direct }
}

async function openBrokerPlace(name: BrokerName, dir: string): Promise<Place<BrokerName>> {
  const port = await freePorts(3)
  if (name === 'rabbitmq') {
    const direct = `amqp://guest:guest@127.0.0.1:${port}`
    const [server, proxy] = await Promise.all([startRabbitmq({ port, dir }), openProxyTo(direct, port)])
    return { name, server, proxy, address: proxy.url, direct }
  }
  // Kafka tells its clients where it is: those that come through the proxy must be told the proxy's address.
  const proxy = await openProxy({ host: '127.0.0.1', port: port + 2 })
  const server = await startKafka({ port, dir, proxied: { port: port + 2, advertisedPort: proxy.port } })
  return { name, server, proxy, address: `127.0.0.1:${proxy.port}`, direct: `127.0.0.1:${port}` }
}
