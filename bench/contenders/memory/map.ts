/** The least that remembers keys: a Map in this process, with a lease, a token and a window. */
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async ({ handle }) => {
  const records = new Map<string, { token: number; endsAt: number; consumed: boolean }>()
  let tokens = 0
  return {
    async call(key) {
      const now = Date.now()
      const held = records.get(key)
      if (held && held.endsAt > now) {
        if (held.consumed) return
        throw new Error(`${key} is busy`)
      }
      const token = (tokens += 1)
      records.set(key, { token, endsAt: now + 30_000, consumed: false })
      await handle(key)
      const record = records.get(key)
      if (record?.token !== token) throw new Error(`${key} was taken by somebody else`)
      record.consumed = true
      record.endsAt = Date.now() + 86_400_000
    },
    close: async () => undefined,
  }
}
