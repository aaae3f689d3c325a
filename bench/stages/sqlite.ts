import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { scratchDir } from '../running/places.js'
import type { OpenStage } from './stage.js'

/** A file of its own for each run. */
export const sqliteStage: OpenStage = async () => {
  mkdirSync(scratchDir, { recursive: true })
  const fileOf = (run: string): string => join(scratchDir, `${run}.db`)
  return {
    servers: {},
    prepare: async (run) => ({ sqlite: fileOf(run) }),
    async tidy(run) {
      for (const end of ['', '-wal', '-shm']) rmSync(`${fileOf(run)}${end}`, { force: true })
    },
    close: async () => undefined,
  }
}
