import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Stands between clients and a broker. */
export interface Proxy {
  /** The broker's address, through the proxy. */
  readonly url: string
  /** How many connections there are. */
  readonly connections: number
  /** Cuts all connections, and refuses new ones. */
  cut(): void
  mend(): void
  /** Passes nothing on any more, in one direction or in both, without a word to either end. */
  swallow(what: 'answers' | 'everything'): void
  /** Cuts a connection as soon as the broker has been sent this, before its answer gets through. */
  cutAfter(text: string): void
  close(): void
}

export async function openProxy(url: string): Promise<Proxy> {
  const target = new URL(url)
  const sockets = new Map<Socket, Socket>()
  let isCut = false
  let swallowing: 'answers' | 'everything' | undefined
  let cutting: string | undefined

  const destroyAll = (): void => {
    for (const [client, server] of sockets) {
      client.destroy()
      server.destroy()
    }
  }
  const listening = createServer((client) => {
    if (isCut) return void client.destroy()
    const server = connect(Number(target.port), target.hostname)
    let hush = false
    sockets.set(client, server)
    const end = (): void => {
      sockets.delete(client)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      socket.on('error', end)
      socket.on('close', end)
    }
    client.on('data', (data) => {
      if (swallowing === 'everything') return
      if (cutting !== undefined && data.includes(cutting)) {
        cutting = undefined
        hush = true
      }
      server.write(data)
    })
    server.on('data', (data) => {
      if (hush) return end()
      if (swallowing === undefined) client.write(data)
    })
  })
  await new Promise<void>((resolve) => void listening.listen(0, '127.0.0.1', resolve))
  const through = new URL(url)
  through.port = String((listening.address() as AddressInfo).port)
  return {
    url: through.href,
    get connections() {
      return sockets.size
    },
    cut() {
      isCut = true
      destroyAll()
    },
    mend() {
      isCut = false
      swallowing = undefined
    },
    swallow: (what) => void (swallowing = what),
    cutAfter: (text) => void (cutting = text),
    close() {
      listening.close()
      destroyAll()
    },
  }
}
