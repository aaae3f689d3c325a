/** Runs the cases in a process of its own, or a task that one of them has given to another process. */
import { runCases } from '../../elsewhere/run-cases.js'
import { allCases } from './cases.js'
import { doTask } from './children.js'
import { loadClient } from './client.js'
import type { Task } from './children.js'

const [specifier = 'node:sqlite', task] = process.argv.slice(2)
const client = loadClient(specifier)

if (task === undefined) await runCases(allCases(client, specifier))
else await doTask(client, JSON.parse(task) as Task)
