import { runCases } from '../elsewhere/run-cases.js'
import { loadClient } from '../stores/sqlite/client.js'
import { nameCases } from './names-sqlite-cases.js'

await runCases(nameCases(loadClient(process.argv[2] ?? 'node:sqlite')))
