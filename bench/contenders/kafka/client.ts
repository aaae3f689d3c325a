import { Kafka, logLevel } from 'kafkajs'
import { setting } from '../../contract.js'
import type { Given } from '../../contract.js'

export function openKafka({ name, settings }: Given): Kafka {
  return new Kafka({ clientId: name, brokers: setting(settings, 'kafka').split(','), logLevel: logLevel.NOTHING })
}
