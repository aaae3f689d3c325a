import { end } from './processes.js'
import { services, type Service } from './services.js'
import { forget, locked, remember, started } from './state.js'

const commands: Record<string, () => Promise<boolean>> = { start, stop, status }
const [name = 'start'] = process.argv.slice(2)
const command = commands[name]
if (command === undefined) {
  console.error(`There is no \`${name}\`. Use: npm run services [-- start | stop | status]`)
  process.exit(2)
}
if (!(await command())) process.exitCode = 1

function start(): Promise<boolean> {
  return locked(async () => {
    let allAnswer = true
    for (const service of services) {
      const since = performance.now()
      try {
        const verb = await provide(service)
        say(service.name, verb, `${service.address}, ${((performance.now() - since) / 1000).toFixed(1)} s`)
      } catch (error) {
        allAnswer = false
        const lines = [await service.fault(), (error as Error).message, `${service.variable} names another address.`]
        say(service.name, 'failed', `${service.address}: ${lines.filter((line) => line !== undefined).join('\n              ')}`)
      }
    }
    return allAnswer
  })
}

async function provide(service: Service): Promise<'used' | 'started'> {
  const ours = started().find((entry) => entry.address === service.address)
  if ((await service.fault()) === undefined) {
    if (ours?.version !== undefined && ours.version !== service.version) {
      throw new Error(`version ${ours.version} runs there, not ${service.version}. First: npm run services -- stop`)
    }
    return 'used'
  }
  const server = await service.start()
  if (server === undefined) return 'used'
  const { name, address, version } = service
  remember({ name, address, ...server.identity, ...(version !== undefined && { version }) })
  return 'started'
}

function stop(): Promise<boolean> {
  return locked(async () => {
    if (started().length === 0) console.log('Nothing runs that was started here.')
    for (const entry of started()) {
      await end(entry, 'stop')
      forget(entry.address)
      say(entry.name, 'stopped', entry.address)
    }
    return true
  })
}

async function status(): Promise<boolean> {
  let allAnswer = true
  for (const service of services) {
    const fault = await service.fault()
    const ours = started().find((entry) => entry.address === service.address)
    allAnswer &&= fault === undefined
    const whose = ours ? `started here, pid ${ours.pid}` : 'not started here'
    say(service.name, fault === undefined ? 'answers' : 'silent', `${service.address}${fault === undefined ? `, ${whose}` : `: ${fault}`}`)
  }
  return allAnswer
}

function say(service: string, verb: string, detail: string): void {
  console.log(`${service.padEnd(13)} ${verb.padEnd(8)} ${detail}`)
}
