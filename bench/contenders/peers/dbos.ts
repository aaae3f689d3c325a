/** DBOS Transact: the key is the id of a workflow, and its result is awaited. It stores input and output as well. */
import { Client } from 'pg'
import { loadPeer } from './load.js'
import { setting } from '../../contract.js'
import type { Calls, Setup } from '../../contract.js'

interface Dbos {
  setConfig(config: object): void
  registerWorkflow(workflow: (key: string) => Promise<boolean>, options: { readonly name: string }): (key: string) => Promise<boolean>
  launch(): Promise<void>
  shutdown(): Promise<void>
  startWorkflow(
    workflow: (key: string) => Promise<boolean>,
    options: { readonly workflowID: string },
  ): (key: string) => Promise<{ getResult(options: { readonly pollingIntervalMs: number }): Promise<boolean> }>
}

export const setup: Setup<Calls> = async ({ name, settings, handle }) => {
  const { DBOS } = loadPeer('@dbos-inc/dbos-sdk') as { readonly DBOS: Dbos }
  // It makes a schema of fixed names.
  const address = new URL(setting(settings, 'postgres'))
  const admin = new Client({ connectionString: address.href })
  await admin.connect()
  await admin.query(`create database ${name}`)
  address.pathname = name
  const quiet = (): void => undefined
  DBOS.setConfig({
    name: 'bench',
    systemDatabaseUrl: address.href.replace(/^postgres:/, 'postgresql:'),
    systemDatabasePoolSize: 10,
    applicationVersion: '1',
    logger: { info: quiet, debug: quiet, warn: quiet, error: quiet },
  })
  const workflow = DBOS.registerWorkflow(
    async (key) => {
      await handle(key)
      return true
    },
    { name: 'handle' },
  )
  await DBOS.launch()
  return {
    async call(key) {
      const started = await DBOS.startWorkflow(workflow, { workflowID: key })(key)
      await started.getResult({ pollingIntervalMs: 50 })
    },
    async close() {
      await DBOS.shutdown()
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}
