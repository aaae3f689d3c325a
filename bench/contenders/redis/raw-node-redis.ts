/** The same as `raw.ts`, with node-redis. */
import { randomBytes } from 'node:crypto'
import { openNodeRedis } from './clients.js'
import { completeScript, leaseMs, windowMs } from './scripts.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const { name, handle } = given
  const client = await openNodeRedis(given)
  const sha = await client.scriptLoad(completeScript)
  const base = randomBytes(9).toString('base64url')
  let claims = 0
  return {
    async call(key) {
      const record = `${name}:${key}`
      const owner = `P${base}${(claims += 1)}`
      const held = await client.set(record, owner, { PX: leaseMs, NX: true, GET: true })
      if (held === 'C') return
      if (held !== null) throw new Error(`${key} is busy`)
      await handle(key)
      const completed = await client.evalSha(sha, { keys: [record], arguments: [owner, 'C', String(windowMs)] })
      if (completed !== 1) throw new Error(`${key} was taken by somebody else`)
    },
    close: async () => client.destroy(),
  }
}
