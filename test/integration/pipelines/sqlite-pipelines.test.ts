import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nodeBinary, nodeVersions } from '../../package/nodes.js'
import { testElsewhere } from '../elsewhere/test-elsewhere.js'
import { pairCases } from './pairs.js'

testElsewhere({
  entry: fileURLToPath(new URL('sqlite-runner.ts', import.meta.url)),
  node: isBuiltin('node:sqlite') ? process.execPath : nodeBinary(nodeVersions[1]),
  cases: pairCases(['SQLite']),
  timeoutMs: 300_000,
})
