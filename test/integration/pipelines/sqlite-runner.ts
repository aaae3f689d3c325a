import { runCases } from '../elsewhere/run-cases.js'
import { pairCases } from './pairs.js'

await runCases(pairCases(['SQLite']), 4)
