import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/** Stands between a client and a server, and cuts their connection where a test wants it cut. */
export interface CuttingProxy {
  readonly port: number
  /** The next time the client sends `text`, the connection is cut: before it reaches the server, or once the server has answered, before the answer reaches the client. */
  cut(when: 'before' | 'after', text: string): void
  /** Cuts all connections now; new ones go through. */
  cutAll(): void
  close(): void
}

export async function openCuttingProxy(server: { readonly host: string; readonly port: number }): Promise<CuttingProxy> {
  const sockets = new Set<Socket>()
  let next: { readonly when: 'before' | 'after'; readonly text: string } | undefined

  const listening = createServer((client) => {
    const upstream = connect(server)
    let cutting = false
    const end = (): void => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', end)
    }
    client.on('data', (data) => {
      if (next && data.includes(next.text)) {
        cutting = next.when === 'after'
        next = undefined
        if (!cutting) return end()
      }
      upstream.write(data)
    })
    upstream.on('data', (data) => {
      if (cutting) return end()
      client.write(data)
    })
  })
  await new Promise<void>((resolve) => void listening.listen(0, '127.0.0.1', resolve))

  return {
    port: (listening.address() as AddressInfo).port,
    cut: (when, text) => void (next = { when, text }),
    cutAll() {
      for (const socket of sockets) socket.destroy()
    },
    close() {
      listening.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
