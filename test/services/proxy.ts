import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export type Direction = 'requests' | 'answers'
export const bothWays: readonly Direction[] = ['requests', 'answers']

/** Stands between clients and a server, and does to their connections what networks do. */
export interface Proxy {
  readonly port: number
  /** How many connections clients have open. */
  readonly connections: number
  /** Resets all connections; new ones go through. */
  cut(): void
  /** Resets every other connection. */
  cutHalf(): void
  /** Resets all connections, and every new one at once, until `mend`. */
  refuse(): void
  /** Passes nothing on in these directions until `mend`, and keeps it: as TCP does, what was on its way arrives late. Neither end is told, not even of the other's end. */
  hold(directions: readonly Direction[]): void
  /** What is passed on takes this much longer, and not more bytes than these go through per second in each direction of a connection, until `mend`. */
  slow(latencyMs: number, bytesPerSecond: number): void
  /** Each connection's next request goes through, and then the connection is reset before its answer gets back. */
  loseNextAnswers(): void
  /** The next request that holds this text breaks its connection: before it goes through, or once it has been answered, before the answer gets back. */
  cutAt(when: 'before' | 'after', text: string): void
  /** Half of each connection's next request goes through, and then the connection is reset. */
  tearNextRequests(): void
  mend(): void
  close(): void
}

/** What travels: bytes, the end of them, or the end of the connection. */
type Parcel = Buffer | 'end' | 'gone'

export async function openProxy(server: { readonly host: string; readonly port: number }, port = 0): Promise<Proxy> {
  const links = new Set<Link>()
  const held = new Set<Direction>()
  let slowness: Slowness | undefined
  let isRefusing = false
  let trap: { readonly when: 'before' | 'after'; readonly text: string } | undefined

  const weather: Weather = {
    isHeld: (direction) => held.has(direction),
    slowness: () => slowness,
    trapped(request) {
      if (trap === undefined || !request.includes(trap.text)) return undefined
      const { when } = trap
      trap = undefined
      return when
    },
  }
  const listening = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (isRefusing) return void client.resetAndDestroy()
    const upstream = connect({ ...server, allowHalfOpen: true, noDelay: true })
    const link = openLink(client, upstream, weather, () => links.delete(link))
    links.add(link)
  })
  await new Promise<void>((resolve, reject) => {
    listening.once('error', reject)
    listening.listen(port, '127.0.0.1', resolve)
  })
  const cut = (): void => {
    for (const link of links) link.reset()
  }
  return {
    port: (listening.address() as AddressInfo).port,
    get connections() {
      return [...links].filter((link) => link.isOpen()).length
    },
    cut,
    cutHalf() {
      for (const [index, link] of [...links].entries()) if (index % 2 === 0) link.reset()
    },
    refuse() {
      isRefusing = true
      cut()
    },
    hold(directions) {
      for (const direction of directions) held.add(direction)
    },
    slow: (latencyMs, bytesPerSecond) => void (slowness = { latencyMs, bytesPerSecond }),
    loseNextAnswers() {
      for (const link of links) link.maim('lose')
    },
    cutAt: (when, text) => void (trap = { when, text }),
    tearNextRequests() {
      for (const link of links) link.maim('tear')
    },
    mend() {
      isRefusing = false
      slowness = undefined
      held.clear()
      for (const link of links) link.goOn()
    },
    close() {
      listening.close()
      cut()
    },
  }
}

/** A proxy to the server of this address, and the address through it. */
export async function openProxyTo(url: string, usualPort: number): Promise<Proxy & { readonly url: string }> {
  const through = new URL(url)
  const proxy = await openProxy({ host: through.hostname, port: Number(through.port || usualPort) })
  through.port = String(proxy.port)
  return Object.assign(proxy, { url: through.href })
}

interface Slowness {
  readonly latencyMs: number
  readonly bytesPerSecond: number
}

interface Weather {
  isHeld(direction: Direction): boolean
  slowness(): Slowness | undefined
  /** Whether this request is the one that breaks its connection. */
  trapped(request: Buffer): 'before' | 'after' | undefined
}

/** One client's connection. */
interface Link {
  isOpen(): boolean
  reset(): void
  maim(how: 'lose' | 'tear'): void
  goOn(): void
}

function openLink(client: Socket, upstream: Socket, weather: Weather, onOver: () => void): Link {
  let maimed: 'lose' | 'tear' | undefined
  let isAnswerLost = false
  const reset = (): void => {
    onOver()
    for (const socket of [client, upstream]) if (!socket.destroyed) socket.resetAndDestroy()
  }
  const requests = openWay('requests', client, upstream, weather, (bytes) => {
    const trapped = weather.trapped(bytes)
    if (trapped === 'before') {
      reset()
      return undefined
    }
    if (trapped === 'after' || maimed === 'lose') {
      isAnswerLost = true
      maimed = undefined
      return bytes
    }
    if (maimed === undefined) return bytes
    upstream.write(bytes.subarray(0, Math.ceil(bytes.length / 2)), reset)
    return undefined
  })
  const answers = openWay('answers', upstream, client, weather, (bytes) => {
    if (!isAnswerLost) return bytes
    reset()
    return undefined
  })
  for (const socket of [client, upstream]) {
    socket.on('error', () => undefined)
    socket.on('close', () => {
      // It travels like the rest: a connection that breaks while nothing is passed on breaks for the other end only when something is.
      const way = socket === client ? requests : answers
      way.take('gone')
      if (client.destroyed && upstream.destroyed) onOver()
    })
  }
  return {
    isOpen: () => !client.destroyed && !client.readableEnded,
    reset,
    maim: (how) => void (maimed = how),
    goOn() {
      requests.goOn()
      answers.goOn()
    },
  }
}

interface Way {
  take(parcel: Parcel): void
  goOn(): void
}

/** One direction of a connection: what came in waits its time in a line, and goes out. */
function openWay(direction: Direction, from: Socket, to: Socket, weather: Weather, pass: (bytes: Buffer) => Buffer | undefined): Way {
  const line: { readonly parcel: Parcel; readonly dueAt: number }[] = []
  /** When the line is as empty that the next bytes can go out. */
  let freeAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  const flush = (): void => {
    clearTimeout(timer)
    timer = undefined
    while (!weather.isHeld(direction)) {
      const [next] = line
      if (next === undefined) return
      const wait = weather.slowness() === undefined ? 0 : next.dueAt - performance.now()
      if (wait > 0) {
        timer = setTimeout(flush, wait)
        return
      }
      line.shift()
      if (to.destroyed) continue
      if (next.parcel === 'gone') to.destroy()
      else if (next.parcel === 'end') to.end()
      else {
        const bytes = pass(next.parcel)
        if (bytes && !to.write(bytes)) {
          from.pause()
          to.once('drain', () => from.resume())
        }
      }
    }
  }
  const way: Way = {
    take(parcel) {
      const slowness = weather.slowness()
      const now = performance.now()
      let dueAt = now
      if (slowness) {
        freeAt = Math.max(freeAt, now) + (typeof parcel === 'string' ? 0 : (parcel.length / slowness.bytesPerSecond) * 1_000)
        dueAt = freeAt + slowness.latencyMs
      }
      line.push({ parcel, dueAt })
      if (timer === undefined) flush()
    },
    goOn: flush,
  }
  from.on('data', (bytes: Buffer) => way.take(bytes))
  from.on('end', () => way.take('end'))
  return way
}
