/**
 * Written by hand with ioredis, and as cheap as it can be: `SET NX GET PX` claims, a script compares and completes. It promises less: no token that
 * grows, no memory of attempts and lapses, no clock of the server.
 */
import { randomBytes } from 'node:crypto'
import { openCluster, openIoredis } from './clients.js'
import { completeScript, leaseMs, windowMs } from './scripts.js'
import type { Setup, Calls } from '../../contract.js'

interface WithScript {
  complete(key: string, owner: string, done: string, windowMs: number): Promise<number>
}

export const setup: Setup<Calls> = async (given) => {
  const { name, handle, settings } = given
  const client = settings['client'] === 'cluster' ? await openCluster(given) : openIoredis(given)
  client.defineCommand('complete', { numberOfKeys: 1, lua: completeScript })
  const { complete } = client as unknown as WithScript
  const base = randomBytes(9).toString('base64url')
  let claims = 0
  return {
    async call(key) {
      const record = `${name}:${key}`
      const owner = `P${base}${(claims += 1)}`
      const held = await client.set(record, owner, 'PX', leaseMs, 'NX', 'GET')
      if (held === 'C') return
      if (held !== null) throw new Error(`${key} is busy`)
      await handle(key)
      if ((await complete.call(client, record, owner, 'C', windowMs)) !== 1) throw new Error(`${key} was taken by somebody else`)
    },
    close: async () => client.disconnect(),
  }
}
