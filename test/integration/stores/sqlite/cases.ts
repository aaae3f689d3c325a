import { among } from './among.js'
import { committing } from './committing.js'
import { joined } from './joined.js'
import { opening } from './opening.js'
import { outboxAmong } from './outbox-among.js'
import { outboxSteps } from './outbox-steps.js'
import { outboxSuites } from './outbox-suites.js'
import { outboxTransactions } from './outbox-transactions.js'
import { records } from './records.js'
import { sending } from './sending.js'
import { suites } from './suites.js'
import { turns } from './turns.js'
import type { SuiteCase } from 'hapax/testing'
import type { Client } from './client.js'
import type { Cases } from './place.js'

/** All that is held against the store and the outbox, by group: named without a client, run with one. */
export function allCases(client: Client, specifier: string): Readonly<Record<string, readonly SuiteCase[]>> {
  const named = (cases: Cases): readonly SuiteCase[] => Object.entries(cases).map(([name, run]) => ({ name, run }))
  return {
    ...suites(client),
    'opening and closing': named(opening(client)),
    'one writer': named(turns(client)),
    'steps of one turn': named(joined(client)),
    transactions: named(committing(client)),
    'statements in transactions': named(sending(client)),
    records: named(records(client)),
    'several processes': named(among(client, specifier)),
    ...outboxSuites(client),
    'the outbox in SQLite': named(outboxSteps(client)),
    'the outbox and transactions': named(outboxTransactions(client)),
    'the outbox and several processes': named(outboxAmong(client, specifier)),
  }
}
