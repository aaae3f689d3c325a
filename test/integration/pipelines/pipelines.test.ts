import { describe, test } from 'vitest'
import { pairCases } from './pairs.js'

for (const [pair, cases] of Object.entries(pairCases(['Redis', 'PostgreSQL', 'MariaDB']))) {
  describe.concurrent(pair, () => {
    for (const { name, run } of cases) test(name, { timeout: 180_000 }, run)
  })
}
