import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { nodeBinary, nodeVersions } from '../../package/nodes.js'
import { testElsewhere } from '../elsewhere/test-elsewhere.js'
import { nameCases } from './names-sqlite-cases.js'

testElsewhere({
  entry: fileURLToPath(new URL('names-sqlite-runner.ts', import.meta.url)),
  node: isBuiltin('node:sqlite') ? process.execPath : nodeBinary(nodeVersions[1]),
  // Only names are asked of the client here.
  cases: nameCases(undefined as never),
  timeoutMs: 120_000,
})
