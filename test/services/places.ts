import { fileURLToPath } from 'node:url'

/** Everything that the servers leave on disk; ignored by git. */
export const servicesDir: string = fileURLToPath(new URL('../../.services/', import.meta.url))

export const redisUrl: string = process.env.HAPAX_TEST_REDIS || 'redis://127.0.0.1:6379'
export const kafkaBrokers: readonly string[] = (process.env.HAPAX_TEST_KAFKA || '127.0.0.1:9092').split(',')
export const kafkaVersion: string = process.env.HAPAX_KAFKA_VERSION || '4.3.1'

export function isLocal(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost'
}
