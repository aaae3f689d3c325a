import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { servicesDir } from '../services/places.js'
import { nodeBinary, nodeVersions } from './nodes.js'
import { failed, sh, step } from './steps.js'

const root = fileURLToPath(new URL('../../', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  bin: Record<string, string>
  exports: Record<string, unknown>
  devDependencies: Record<string, string>
  peerDependencies: Record<string, string>
}
const subpaths = Object.keys(manifest.exports)
const consumer = mkdtempSync(join(tmpdir(), 'hapax-consumer-'))

mkdirSync(servicesDir, { recursive: true })
const tarball = step('npm pack', pack)
if (tarball !== undefined) {
  step('publint', () => sh(root, join(root, 'node_modules/.bin/publint'), 'run', tarball, '--strict'))
  step('attw', () => sh(root, join(root, 'node_modules/.bin/attw'), tarball, '--profile', 'esm-only'))
  step('install in an empty project', () => installConsumer(tarball))
  for (const version of nodeVersions) tryNode(version)
  step('types, module nodenext', () => checkTypes('nodenext'))
  step('types, module resolution of bundlers', () => checkTypes('bundler'))
}
rmSync(consumer, { recursive: true })
if (failed()) process.exitCode = 1

function pack(): string {
  const [packed] = JSON.parse(sh(root, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', servicesDir)) as [
    { filename: string; files: readonly { path: string }[] },
  ]
  const paths = packed.files.map(({ path }) => path)
  const allowed = /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|docs\/.*|dist\/(src|adapters|testing|cli)\/.*\.(js|d\.ts))$/
  const strange = paths.filter((path) => !allowed.test(path))
  if (strange.length > 0) throw new Error(`these files do not belong into the package: ${strange.join(', ')}`)
  for (const path of ['README.md', 'CHANGELOG.md', 'LICENSE', ...Object.values(manifest.bin)]) {
    if (!paths.includes(path)) throw new Error(`${path} is missing in the package`)
  }
  return join(servicesDir, packed.filename)
}

function installConsumer(tarball: string): void {
  writeFileSync(join(consumer, 'package.json'), '{ "private": true, "type": "module" }')
  const types = ['typescript', '@types/node'].map((name) => `${name}@${manifest.devDependencies[name]}`)
  sh(consumer, 'npm', 'install', '--prefix', consumer, '--no-audit', '--no-fund', tarball, ...types)
  for (const name of Object.keys(manifest.peerDependencies)) {
    if (existsSync(join(consumer, 'node_modules', name))) throw new Error(`${name} was installed: it is no optional peer`)
  }
  if (!existsSync(join(consumer, 'node_modules/.bin/hapax'))) throw new Error('the command `hapax` is missing')
}

function tryNode(version: string): void {
  const node = step(`node ${version} from npm`, () => nodeBinary(version))
  if (node === undefined) return
  step(`node ${version}: hapax demo`, () => checkDemo(node))
  for (const subpath of subpaths) {
    const name = JSON.stringify(subpath.replace('.', 'hapax'))
    const json = subpath.endsWith('.json')
    const some = 'if (Object.keys(loaded).length === 0) throw new Error("it exports nothing")'
    step(`node ${version}: import ${name}`, () => {
      const load = json ? `import(${name}, { with: { type: 'json' } })` : `import(${name})`
      sh(consumer, node, '--input-type=module', '-e', `const loaded = await ${load}; ${some}`)
    })
    step(`node ${version}: require ${name}`, () => {
      sh(consumer, node, '--input-type=commonjs', '-e', `const loaded = require(${name}); ${some}`)
    })
  }
}

function checkDemo(node: string): void {
  const { ok } = JSON.parse(
    sh(consumer, node, join(consumer, 'node_modules/hapax', manifest.bin.hapax ?? ''), 'demo', '--speed', '0', '--json'),
  ) as { ok: boolean }
  if (!ok) throw new Error('the demo says that the wrapped handler broke its promise')
}

function checkTypes(resolution: 'nodenext' | 'bundler'): void {
  const settings = {
    compilerOptions: {
      target: 'es2023',
      module: resolution === 'bundler' ? 'esnext' : resolution,
      moduleResolution: resolution,
      types: ['node'],
      strict: true,
      skipLibCheck: false,
      noEmit: true,
    },
    files: ['consumer.ts'],
  }
  writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify(settings))
  writeFileSync(join(consumer, 'consumer.ts'), readFileSync(join(root, 'test/package/consumer.ts')))
  sh(consumer, join(consumer, 'node_modules/.bin/tsc'), '-p', '.')
}
