import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { kafkaBrokers, redisUrl } from '../../services/places.js'

const run = promisify(execFile)

test('the demo on real Kafka and Redis, a worker killed with SIGKILL: nothing lost, nothing twice but what was in its hands', async () => {
  const words = ['cli/main.ts', 'demo', '--kafka', kafkaBrokers[0] ?? '', '--redis', redisUrl, '--payments', '150', '--json']
  const { stdout, stderr } = await run(process.execPath, ['--import', 'tsx', ...words])
  expect(stderr).toBe('')
  const { wrapped, bare } = JSON.parse(stdout) as Record<
    'bare' | 'wrapped',
    { twice: string[]; lost: string[]; inHands: string[]; setAside: string[] }
  >
  expect(wrapped.lost).toEqual([])
  expect(wrapped.twice.filter((id) => !wrapped.inHands.includes(id))).toEqual([])
  expect(wrapped.setAside).toHaveLength(1)
  expect(bare.twice.length).toBeGreaterThan(10)
}, 180_000)
