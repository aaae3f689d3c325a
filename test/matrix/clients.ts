import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { sh } from '../package/steps.js'
import { matrixDir, root } from './places.js'

/** The oldest version of each client library that the package allows, unless it is the one that all tests use anyway. */
export function lowestClients(): readonly { readonly name: string; readonly version: string }[] {
  const { peerDependencies, devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly [Kind in 'peerDependencies' | 'devDependencies']: Readonly<Record<string, string>>
  }
  return Object.entries(peerDependencies)
    .map(([name, range]) => ({ name, version: lowestOf(range) }))
    .filter(({ name, version }) => version !== devDependencies[name])
}

function lowestOf(range: string): string {
  const [, first] = /^(?:>=|\^)(\d+(?:\.\d+){0,2})$/.exec(range) ?? []
  if (first === undefined) throw new Error(`the lowest version of ${range} is not plain`)
  return [...first.split('.'), '0', '0'].slice(0, 3).join('.')
}

/** Nothing of these is any test's. */
const left = ['.git', '.services', 'coverage', 'dist', 'node_modules']

/**
 * A copy of the checkout that has one client library in another version, and all else in common with it. Programs that tests start find that version, too,
 * which no alias of the test runner would achieve.
 */
export function clientCheckout(from: string, name: string, version: string): string {
  const dir = join(matrixDir, `${name}-${version}`)
  const installed = join(matrixDir, 'clients', `${name}-${version}`)
  const client = join(installed, 'node_modules', name)
  mkdirSync(installed, { recursive: true })
  if (!existsSync(client)) sh(installed, 'npm', 'install', '--prefix', installed, '--no-audit', '--no-fund', `${name}@${version}`)
  const found = (JSON.parse(readFileSync(join(client, 'package.json'), 'utf8')) as { readonly version: string }).version
  if (found !== version) throw new Error(`${client} is ${found}`)

  rmSync(dir, { recursive: true, force: true })
  for (const entry of readdirSync(from).filter((each) => !left.includes(each))) {
    cpSync(join(from, entry), join(dir, entry), { recursive: true })
  }
  const modules = join(from, 'node_modules')
  mkdirSync(join(dir, 'node_modules'))
  for (const entry of readdirSync(modules).filter((each) => each !== name)) {
    symlinkSync(join(modules, entry), join(dir, 'node_modules', entry))
  }
  symlinkSync(client, join(dir, 'node_modules', name))
  return dir
}
