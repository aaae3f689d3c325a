import { run } from './run.js'

// So that what was built for this run is cleared away.
process.once('SIGINT', () => process.exit(130))
process.once('SIGTERM', () => process.exit(143))

process.exitCode = await run(process.argv.slice(2), process.stdout, process.stderr)
