import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { setting } from '../contract.js'
import type { Settings } from '../contract.js'

/** Counts what a server is asked. */
export interface Counter {
  count(): Promise<number>
  close(): Promise<unknown>
}

export function openCounter(settings: Settings): Promise<Counter> {
  return setting(settings, 'counts') === 'commits' ? countCommits(settings) : countCommands(settings)
}

/** A server tells of the last commits of a connection a little after that has ended. */
const untilToldMs = 500

/** Committed transactions of the database, by another one. */
async function countCommits(settings: Settings): Promise<Counter> {
  const url = new URL(setting(settings, 'postgres'))
  const database = url.pathname.slice(1)
  url.pathname = 'postgres'
  const client = new Client({ connectionString: url.href })
  await client.connect()
  return {
    async count() {
      await sleep(untilToldMs)
      const { rows } = await client.query<{ commits: string }>(
        'select xact_commit::text as commits from pg_stat_database where datname = $1',
        [database],
      )
      return Number(rows[0]?.commits)
    },
    close: () => client.end(),
  }
}

/** Commands that clients have sent, without those inside of scripts. */
async function countCommands(settings: Settings): Promise<Counter> {
  const client = new Redis(setting(settings, 'redis'))
  const monitor = await client.monitor()
  let commands = 0
  let reached = (_mark: string): void => undefined
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    const [command, mark = ''] = args
    if (command === 'echo') reached(mark)
    else if (source !== 'lua') commands += 1
  })
  let marks = 0
  return {
    async count() {
      // Told in order: what came before the mark has been told by then.
      const mark = `mark ${(marks += 1)}`
      const told = new Promise<void>((resolve) => {
        reached = (seen) => {
          if (seen === mark) resolve()
        }
      })
      await client.echo(mark)
      await told
      return commands
    },
    async close() {
      monitor.disconnect()
      client.disconnect()
    },
  }
}
