import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import type { Measured } from '../contract.js'

/** The core, with all that it exports, as a bundler makes it. */
export async function measureSize(): Promise<Measured> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve('hapax'))],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
  })
  const code = outputFiles[0]?.contents ?? new Uint8Array()
  return { measures: { minified: code.length, gzipped: gzipSync(code, { level: 9 }).length } }
}
