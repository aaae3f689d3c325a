import { among } from './among.js'
import { committing } from './committing.js'
import { opening } from './opening.js'
import { records } from './records.js'
import { suites } from './suites.js'
import { turns } from './turns.js'
import type { SuiteCase } from 'hapax/testing'
import type { Client } from './client.js'
import type { Cases } from './place.js'

/** All that is held against the store, by group: named without a client, run with one. */
export function allCases(client: Client, specifier: string): Readonly<Record<string, readonly SuiteCase[]>> {
  const named = (cases: Cases): readonly SuiteCase[] => Object.entries(cases).map(([name, run]) => ({ name, run }))
  return {
    ...suites(client),
    'opening and closing': named(opening(client)),
    'one writer': named(turns(client)),
    transactions: named(committing(client)),
    records: named(records(client)),
    'several processes': named(among(client, specifier)),
  }
}
