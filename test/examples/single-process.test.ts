import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { isBuiltin } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { nodeBinary, nodeVersions } from '../package/nodes.js'
import { freePort } from '../services/free-ports.js'
import type { ChildProcess } from 'node:child_process'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'

/** Where this Node has no `node:sqlite`, one from npm runs the example. */
const node = isBuiltin('node:sqlite') ? process.execPath : nodeBinary(nodeVersions[1])
const root = fileURLToPath(new URL('../../', import.meta.url))
const patiently = { timeout: 30_000, interval: 50 }

let folder: string
let appPort: number
let mailPort: number
let mails: Server | undefined
let running: ChildProcess | undefined
let output = ''
/** The mails that were taken: how often each id was posted. */
let taken = new Map<string, number>()
/** What posts of a mail are answered with, as long as it is in here. The mails in `unanswered` are taken, and nobody is told. */
let refusals = new Map<string, number>()
let unanswered = new Set<string>()

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'hapax-example-'))
  ;[appPort, mailPort] = [await freePort(), await freePort()]
  taken = new Map()
  refusals = new Map()
  unanswered = new Set()
  // Without a primary key, in which an order that is taken twice would be seen twice.
  database('create table orders (id text, cents integer)')
})
afterEach(async () => {
  running?.kill('SIGKILL')
  mails?.closeAllConnections()
  mails?.close()
  rmSync(folder, { recursive: true })
})

/** A statement on the app's file, in a Node that can open it. */
function database(sql: string): unknown[] {
  const program = `const database = new (require('node:sqlite').DatabaseSync)(process.argv[1])
    console.log(JSON.stringify(database.prepare(process.argv[2]).all()))`
  return JSON.parse(execFileSync(node, ['--no-warnings', '-e', program, join(folder, 'app.db'), sql], { encoding: 'utf8' })) as unknown[]
}

async function openMails(): Promise<void> {
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const id = String(request.headers['idempotency-key'])
    await text(request)
    const status = refusals.get(id) ?? 200
    if (status === 200) taken.set(id, (taken.get(id) ?? 0) + 1)
    if (!unanswered.has(id)) response.writeHead(status).end()
  }
  mails = createServer((request, response) => void take(request, response)).listen(mailPort, '127.0.0.1')
  await once(mails, 'listening')
}

async function start(): Promise<ChildProcess> {
  const env = { DATABASE_FILE: join(folder, 'app.db'), MAILS_URL: `http://127.0.0.1:${mailPort}`, PORT: String(appPort), LEASE_MS: '3000' }
  const child = spawn(node, ['--no-warnings', '--import', 'tsx', 'examples/single-process.ts'], {
    cwd: root,
    env: { ...process.env, ...env },
  })
  running = child
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (said: string) => (output += said))
  await expect.poll(() => post('no order'), patiently).toBe(500)
  return child
}

/** Resolves with the status, or with 0 where nobody answers. */
async function post(order: unknown): Promise<number> {
  const init = { method: 'POST', body: JSON.stringify(order), headers: { connection: 'close' } }
  return fetch(`http://127.0.0.1:${appPort}`, init).then(
    ({ status }) => status,
    () => 0,
  )
}

/** As the sender of a webhook does: until it is taken. */
async function deliver(id: string): Promise<void> {
  await expect.poll(() => post({ id, cents: 500 }), patiently).toBe(200)
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  expect(await once(child, 'exit'), output).toEqual([0, null])
}

const sorted = (ids: readonly string[]): string[] => ids.map((id) => `${id}:confirmation`).toSorted()
const ids = (): string[] => [...taken.keys()].toSorted()
const orders = (): unknown[] => database('select id from orders order by id').map((row) => (row as { id: string }).id)

test('an order that is sent again and again is taken once, and its mail waits until it can be sent', async () => {
  const child = await start()
  await Promise.all(['a', 'a', 'a', 'a', 'b', 'b'].map(deliver))
  await expect.poll(() => output, patiently).toContain('The broker is away')

  refusals.set('refused:confirmation', 400)
  await openMails()
  await Promise.all(['a', 'refused', 'c'].map(deliver))
  await expect.poll(ids, patiently).toEqual(sorted(['a', 'b', 'c']))
  await expect.poll(() => output, patiently).toContain('Message refused:confirmation for order-confirmation')

  refusals.clear()
  const all = ['a', 'b', 'c', 'refused']
  await expect.poll(ids, patiently).toEqual(sorted(all))

  await end(child)
  expect(orders()).toEqual(all)
})

test('killed at work and started again it has taken each order once, and lost no mail', async () => {
  await openMails()
  const first = await start()
  unanswered.add('half:confirmation')
  const all = ['half', ...Array.from({ length: 20 }, (_, index) => `order-${index}`)]
  const delivered = Promise.all([...all, ...all].map(deliver))
  await expect.poll(() => taken.has('half:confirmation'), patiently).toBe(true)
  first.kill('SIGKILL')
  await once(first, 'exit')

  unanswered.clear()
  const second = await start()
  await delivered
  await expect.poll(ids, patiently).toEqual(sorted(all))
  // Its answer came too late for the first process: posted again, under the same id.
  await expect.poll(() => taken.get('half:confirmation'), patiently).toBeGreaterThan(1)
  await end(second)
  expect(orders()).toEqual(all.toSorted())
})
