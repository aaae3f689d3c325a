/** What happens to the servers themselves. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { seconds } from './fault.js'
import type { Arena, Fault } from './fault.js'
import type { World } from '../servers/world.js'

type Which = 'store' | 'broker'

const placeOf = (world: World, which: Which) => (which === 'store' ? world.store : world.broker)

async function awayFor(arena: Arena, which: Which, end: 'kill' | 'stop'): Promise<string> {
  const { name, server } = placeOf(arena.world, which)
  if (!server) return 'there is no server'
  const fromMs = arena.nowMs()
  await server[end]()
  await arena.pause(500 + arena.chance.below(arena.leaseMs))
  await server.restart()
  return `${name} ${end === 'kill' ? 'killed' : 'stopped'}, and back after ${seconds(arena.nowMs() - fromMs)}`
}

function serverFaults(which: Which): readonly Fault[] {
  const fits = (world: World): boolean => placeOf(world, which).server !== undefined
  return [
    { name: `${which}-kill`, keepsFrom: which, fits, strike: (arena) => awayFor(arena, which, 'kill') },
    { name: `${which}-stop`, keepsFrom: which, fits, strike: (arena) => awayFor(arena, which, 'stop') },
    {
      name: `${which}-pause`,
      keepsFrom: which,
      fits,
      async strike(arena) {
        const { name, server } = placeOf(arena.world, which)
        const fromMs = arena.nowMs()
        server?.pause()
        await arena.pause(1_000 + arena.chance.below(2 * arena.leaseMs))
        server?.resume()
        return `${name} stood still for ${seconds(arena.nowMs() - fromMs)}`
      },
    },
  ]
}

const isRedis = ({ store }: World): boolean => store.name === 'redis'

/** An SQLite database has no server; somebody else who writes to it is what can happen to it. */
const locker = `
  const { DatabaseSync } = require('node:sqlite')
  const database = new DatabaseSync(process.argv[1], { timeout: 30_000 })
  database.exec('begin immediate')
  setTimeout(() => database.exec('rollback'), Number(process.argv[2]))`

export const storeAndBrokerFaults: readonly Fault[] = [
  ...serverFaults('store'),
  ...serverFaults('broker'),
  {
    name: 'redis-scripts',
    keepsFrom: undefined,
    fits: isRedis,
    async strike({ world, pause }) {
      for (let times = 0; times < 20; times += 1) {
        await world.ask('SCRIPT FLUSH')
        await pause(150)
      }
      return 'the scripts of Redis flushed 20 times'
    },
  },
  {
    name: 'redis-memory',
    keepsFrom: 'store',
    fits: isRedis,
    async strike(arena) {
      const fromMs = arena.nowMs()
      await arena.world.ask('CONFIG SET maxmemory 1')
      await arena.pause(1_000 + arena.chance.below(arena.leaseMs))
      await arena.world.ask('CONFIG SET maxmemory 0')
      return `Redis was full for ${seconds(arena.nowMs() - fromMs)}`
    },
  },
  {
    name: 'sqlite-lock',
    keepsFrom: 'store',
    fits: ({ store }) => store.name === 'sqlite',
    async strike({ world, chance, leaseMs }) {
      const forMs = 500 + chance.below(leaseMs)
      await promisify(execFile)(world.node, ['--no-warnings', '-e', locker, world.store.direct, String(forMs)])
      return `somebody else wrote to the database for ${seconds(forMs)}`
    },
  },
]
