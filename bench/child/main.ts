/** Runs one contender, once, and tells what came of it. */
import { contenders } from '../contenders.js'
import { measurings } from './measuring.js'
import type { Measured, Setup } from '../contract.js'
import type { Work } from './work.js'

const work = JSON.parse(process.argv[2] ?? '{}') as Work
// Whoever started it has gone.
process.on('disconnect', () => process.exit(1))
const { setup } = await contenders[work.contender]()
const measure = measurings[work.measuring] as (setup: Setup, work: Work) => Promise<Measured>
const measured = await measure(setup, work)
await new Promise((resolve) => process.send?.(measured, resolve))
process.removeAllListeners('disconnect')
process.disconnect()
process.exit(0)
