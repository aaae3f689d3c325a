/** Written by hand: a read, an upsert that claims and an update that completes, each a transaction of its own. */
import { openFile } from './file.js'
import type { Calls, Setup } from '../../contract.js'

export const setup: Setup<Calls> = async (given) => {
  const database = openFile(given)
  database.exec(
    'create table if not exists records (record text primary key, expires_at integer not null, token integer not null) without rowid',
  )
  const read = database.prepare('select token, expires_at from records where record = ?')
  const claim = database.prepare(`insert into records (record, expires_at, token) values (?, ?, ?)
    on conflict (record) do update set token = excluded.token, expires_at = excluded.expires_at where expires_at <= ?
    returning token`)
  const complete = database.prepare('update records set token = 0, expires_at = ? where record = ? and token = ? returning token')
  let tokens = 0
  return {
    async call(key) {
      const now = Date.now()
      const [held] = read.all(key) as { readonly token: number; readonly expires_at: number }[]
      if (held && held.expires_at > now) {
        if (held.token === 0) return
        throw new Error(`${key} is busy`)
      }
      const token = (tokens += 1)
      if (claim.all(key, now + 30_000, token, now).length === 0) throw new Error(`${key} is busy`)
      await given.handle(key)
      if (complete.all(Date.now() + 86_400_000, key, token).length === 0) throw new Error(`${key} was taken by somebody else`)
    },
    close: async () => database.close(),
  }
}
