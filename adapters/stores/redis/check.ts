import { ConfigurationError, messageOf } from '../../../src/index.js'
import { textOf } from './clients.js'
import type { Client, Primary } from './clients.js'

/** ioredis before 5.11 tells by its first argument where a command goes that it pipelines by itself. A script's is no key, and so it would fail under load only. */
export async function checkPipelining(client: Client, prefix: string): Promise<void> {
  try {
    await Promise.all(Array.from({ length: 16 }, (_, index) => client.eval('return 1', [`${prefix}${index}`], [])))
  } catch (error) {
    if (!messageOf(error).startsWith('All keys in the pipeline')) throw error
    throw new ConfigurationError(
      'client',
      'client is a Cluster with enableAutoPipelining of an ioredis that pipelines no scripts on a cluster; use ioredis 5.11 or newer, or turn that off',
      { cause: error },
    )
  }
}

export async function checkReplication(primary: Primary, warn: (message: string) => void): Promise<void> {
  const [role] = await readInfo(primary, 'replication', ['role'], warn)
  if (role !== 'slave') return
  throw new ConfigurationError(
    'client',
    'client is connected to a read-only replica, where nothing can be claimed; connect it to the primary',
  )
}

export async function checkEviction(primary: Primary, warn: (message: string) => void): Promise<void> {
  const [maxmemory, policy] = await readInfo(primary, 'memory', ['maxmemory', 'maxmemory_policy'], warn)
  if (maxmemory === undefined || maxmemory === '0' || policy === undefined || policy === 'noeviction') return
  throw new ConfigurationError(
    'whenEvicting',
    `The Redis server deletes keys when its memory is full (maxmemory ${maxmemory}, maxmemory-policy ${policy}): it would forget claims and ` +
      `consumed keys, and messages would be handled twice. Set maxmemory-policy to noeviction, or use a server of its own; ` +
      `whenEvicting: 'accept' takes the risk`,
  )
}

/** Fields of a section of INFO. What the server does not tell us is told to `warn`, and missing. */
async function readInfo(
  primary: Primary,
  section: string,
  fields: readonly string[],
  warn: (message: string) => void,
): Promise<readonly (string | undefined)[]> {
  const unread = (why: string): void =>
    warn(`Redis does not tell ${fields.join(' and ')} (INFO ${section}: ${why}); see to it that it is a primary that does not evict keys`)
  try {
    const text = textOf(await primary.info(section))
    const values = fields.map((field) => new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1])
    if (values.includes(undefined)) unread('not there')
    return values
  } catch (error) {
    if (!/^(NOPERM|ERR unknown command)/i.test(messageOf(error))) throw error
    unread(messageOf(error))
    return []
  }
}
