import { ConfigurationError } from '../../../src/index.js'
import { textsOf } from './clients.js'
import type { Send } from './clients.js'

/** The two have grown apart where it matters here: in locks, and in what an upsert can answer. */
export type Flavour = 'mariadb' | 'mysql'

/** The variable has another name on each: one passes over comments that are for the other. */
const asking =
  `select concat_ws(' ', if(@@autocommit, 1, 0), if(@@innodb_rollback_on_timeout, 1, 0), ` +
  `concat('' /*!80000 , @@transaction_isolation */ /*M!100600 , @@tx_isolation */), version()) as answer`

const dirtyReads = {
  claims: 'take a key for consumed that is not',
  messages: 'publish messages of transactions that are rolled back',
}

/** Finds out once what the server is, with the first step. Throws a `ConfigurationError` for one that cannot hold the promises. */
export function openServer(send: Send, what: keyof typeof dirtyReads = 'claims'): () => Promise<Flavour> {
  let known: Promise<Flavour> | undefined
  const look = async (): Promise<Flavour> => {
    const [answer = ''] = textsOf(await send(asking))
    const [autocommit, rollsBack, isolation, version = ''] = answer.split(' ')
    if (autocommit !== '1') throw refused('has autocommit off, so that nothing is ever committed; leave it on')
    const mariadb = /mariadb/i.test(version)
    // Claims on MariaDB are answered by the statement that writes: nothing is read.
    if (isolation === 'READ-UNCOMMITTED' && !(mariadb && what === 'claims')) {
      throw refused(`reads what is not committed (transaction_isolation READ-UNCOMMITTED), and would ${dirtyReads[what]}`)
    }
    const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
    const [leastMajor, leastMinor] = mariadb ? [10, 6] : [8, 0]
    if (major < leastMajor || (major === leastMajor && minor < leastMinor)) {
      throw refused(`is ${mariadb ? 'MariaDB' : 'MySQL'} ${version}; Hapax needs MariaDB 10.6 or MySQL 8.0, or later`)
    }
    if (mariadb && rollsBack !== '0' && what === 'claims') {
      throw refused('rolls back a whole transaction where a statement met a lock (innodb_rollback_on_timeout); turn that off')
    }
    return mariadb ? 'mariadb' : 'mysql'
  }
  return () =>
    (known ??= look().catch((error: unknown) => {
      known = undefined
      throw error
    }))
}

function refused(why: string): ConfigurationError {
  return new ConfigurationError('database', `database ${why}`)
}
