import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nodeBinary, nodeVersions } from '../../package/nodes.js'
import { testElsewhere } from '../elsewhere/test-elsewhere.js'
import { allCases } from './sqlite/cases.js'
import type { Client } from './sqlite/client.js'

/** The client under test: `node:sqlite`, or the folder of a better-sqlite3 that this Node can load. */
const specifier = process.env.HAPAX_TEST_SQLITE || 'node:sqlite'

/** Only names are asked of it here. */
const nobody: Client = {
  open: () => {
    throw new Error('The cases are run by another process')
  },
  openForBigInts: () => {
    throw new Error('The cases are run by another process')
  },
}

testElsewhere({
  entry: fileURLToPath(new URL('sqlite/runner.ts', import.meta.url)),
  // Where this Node has no `node:sqlite`, one from npm runs the cases.
  node: specifier !== 'node:sqlite' || isBuiltin('node:sqlite') ? process.execPath : nodeBinary(nodeVersions[1]),
  args: [specifier],
  cases: allCases(nobody, specifier),
  timeoutMs: 120_000,
})
