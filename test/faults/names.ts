/** What can be combined in a run. */
export const stores = ['redis', 'postgres', 'mariadb', 'sqlite'] as const
export const brokers = ['kafka', 'rabbitmq'] as const
export const modes = ['lease', 'inbox', 'outbox'] as const
export type StoreName = (typeof stores)[number]
export type BrokerName = (typeof brokers)[number]
export type Mode = (typeof modes)[number]

/** Where the clients of a worker find their servers. For SQLite it is a file. */
export interface Places {
  readonly store: StoreName
  readonly storeAddress: string
  readonly broker: BrokerName
  readonly brokerAddress: string
  /** The topic or queue, which is also the group, and a table's name. */
  readonly run: string
}

export const delayStepsMs = [500, 2_000, 10_000]

/** The table that an inbox writes its effects to. */
export const ledgerTable = (run: string): string => `${run}_ledger`
/** The table that tells which messages of an outbox were committed. */
export const sentTable = (run: string): string => `${run}_sent`
export const deadLetterOf = (broker: BrokerName, run: string): string => (broker === 'kafka' ? `${run}.${run}.dlt` : `${run}.dlq`)
