import { describe, test } from 'vitest'
import { pairCases } from './pairs.js'

const pairs = {
  ...pairCases(['Redis', 'PostgreSQL', 'MariaDB']),
  // What a Cluster does otherwise than a Redis, it does under every transport.
  ...pairCases(['Redis Cluster'], ['RabbitMQ']),
}

for (const [pair, cases] of Object.entries(pairs)) {
  describe.concurrent(pair, () => {
    for (const { name, run } of cases) test(name, { timeout: 180_000 }, run)
  })
}
