import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

process.chdir(fileURLToPath(new URL('..', import.meta.url)))

console.log('Bundled, minified and gzipped (an adapter without the core):')
for (const entry of ['src/index.ts', ...files('adapters').filter((file) => file.split('/').length === 3), 'testing/index.ts']) {
  if (!existsSync(entry)) continue
  const { minified, gzipped } = await bundled(entry)
  console.log(`  ${entry.padEnd(36)} ${bytes(minified)} minified ${bytes(gzipped)} gzipped`)
}

console.log('\nLines of TypeScript:')
for (const folder of ['src', 'adapters', 'testing', 'cli', 'examples', 'test', 'bench']) {
  const counted = files(folder).map((file) => ({ file, lines: lines(file) }))
  if (counted.length === 0) continue
  counted.sort((one, other) => one.lines - other.lines)
  const sum = counted.reduce((total, { lines }) => total + lines, 0)
  const median = counted[counted.length >> 1]?.lines ?? 0
  const longest = counted.at(-1)
  console.log(
    `  ${folder.padEnd(9)} ${String(sum).padStart(6)} in ${String(counted.length).padStart(3)} files, ` +
      `median ${String(median).padStart(3)}, longest ${longest?.lines} (${longest?.file})`,
  )
}

async function bundled(entry: string): Promise<{ minified: number; gzipped: number }> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    external: entry.startsWith('src/') ? [] : ['../src/index.js', '../../src/index.js', '../../../src/index.js'],
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  return { minified: code.length, gzipped: gzipSync(code, { level: 9 }).length }
}

function files(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.includes('node_modules'))
    .map((name) => join(folder, name))
}

function lines(file: string): number {
  return readFileSync(file, 'utf8').trimEnd().split('\n').length
}

function bytes(count: number): string {
  return `${count.toLocaleString('en')} B`.padStart(10)
}
