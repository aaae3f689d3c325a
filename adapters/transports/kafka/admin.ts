import { within } from '../../../src/index.js'
import type { Clock } from '../../../src/index.js'
import type { KafkaAdmin, KafkaClient, RetryConfig } from './client.js'

const closingMs = 3_000

/** Runs something with an admin client of its own, as one that lost its connection is not to be relied on. */
export async function withAdmin<Value>(
  kafka: KafkaClient,
  clock: Clock,
  run: (admin: KafkaAdmin) => Promise<Value>,
  retry?: RetryConfig,
): Promise<Value> {
  const admin = kafka.admin(retry && { retry })
  try {
    await admin.connect()
    return await run(admin)
  } finally {
    await within(clock, closingMs, admin.disconnect()).catch(() => undefined)
  }
}
