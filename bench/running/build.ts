import { copyFileSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { run } from '../../test/services/run.js'
import { servicesDir } from '../../test/services/places.js'
import { packageDir, root } from './places.js'

/**
 * Builds the package as it is published, in a folder of its own: a run may take an hour, and what it measures is not to change meanwhile. The contenders
 * are put inside, so that `hapax` is that package to them.
 */
export async function buildAll(): Promise<void> {
  rmSync(packageDir, { recursive: true, force: true })
  mkdirSync(packageDir, { recursive: true })
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const compiled = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(packageDir, 'dist')]
  await Promise.all([
    run(process.execPath, [compiler, ...compiled], join(servicesDir, 'bench', 'build.log')),
    build({
      entryPoints: [join(root, 'bench', 'child', 'main.ts')],
      outdir: join(packageDir, 'bench'),
      outExtension: { '.js': '.mjs' },
      bundle: true,
      // A contender loads what it needs itself, and nothing of the others.
      splitting: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      // Without the paths of ours, by which `hapax` would be the sources.
      tsconfigRaw: { compilerOptions: { target: 'es2023', verbatimModuleSyntax: true } },
      logLevel: 'error',
    }),
  ])
  copyFileSync(join(root, 'package.json'), join(packageDir, 'package.json'))
}
