/** Makes the tables of the library, and waits to be stopped. */
import { openDatabase } from './backends.js'
import { openWorker, over } from './worker.js'
import type { DatabaseName } from './backends.js'

const { words, untilStopped } = openWorker(() => [])
const database = openDatabase(words.store as DatabaseName, words.storeAddress)
await database.store.applySchema()
await database.outbox.applySchema()
await untilStopped()
await database.close()
over()
