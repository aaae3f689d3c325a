import { services } from './services.js'

/** Vitest runs this before the lanes that need servers: what is missing is named before its tests fail one by one. */
export default async function check(): Promise<void> {
  for (const service of services) {
    const reason = await service.fault()
    if (reason === undefined) continue
    const message = `${service.name} does not answer at ${service.address}: ${reason}. \`npm run services\` uses or starts it.`
    if (process.env.CI) throw new Error(message)
    console.error(message)
  }
}
