import { fileURLToPath } from 'node:url'

/** Everything that the servers leave on disk; ignored by git. */
export const servicesDir: string = fileURLToPath(new URL('../../.services/', import.meta.url))

export const redisUrl: string = process.env.HAPAX_TEST_REDIS || 'redis://127.0.0.1:6379'
export const redisClusterNodes: readonly string[] = (
  process.env.HAPAX_TEST_REDIS_CLUSTER || '127.0.0.1:7000,127.0.0.1:7001,127.0.0.1:7002'
).split(',')
export const postgresUrl: string = process.env.HAPAX_TEST_POSTGRES || 'postgres://postgres@127.0.0.1:5432/postgres'
export const mysqlUrl: string = process.env.HAPAX_TEST_MYSQL || 'mysql://root@127.0.0.1:3306/test'
export const rabbitmqUrl: string = process.env.HAPAX_TEST_RABBITMQ || 'amqp://guest:guest@127.0.0.1:5672'
export const kafkaBrokers: readonly string[] = (process.env.HAPAX_TEST_KAFKA || '127.0.0.1:9092').split(',')
export const kafkaVersion: string = process.env.HAPAX_KAFKA_VERSION || '4.3.1'

export function isLocal(host: string): boolean {
  return host === '127.0.0.1' || host === 'localhost'
}
