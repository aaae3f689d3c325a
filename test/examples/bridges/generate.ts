import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** Makes the clients of Prisma that the examples import. They are not kept in the repository. */
const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js')
const cwd = fileURLToPath(new URL('../../../examples/bridges/prisma/', import.meta.url))
// The engine is for migrations, and would be downloaded. That there is one suffices here.
const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' }

for (const schema of ['postgres.prisma', 'mysql.prisma']) {
  execFileSync(process.execPath, [prisma, 'generate', '--schema', schema, '--no-hints'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}
