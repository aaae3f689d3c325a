import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { plant } from './edits.js'
import type { PlantedBug } from './edits.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * Bundles what plays histories (the core, the memory adapters and the simulator) into one file in `folder`, with a bug planted if there is one, and
 * answers where it is. Histories without a bug are played by the same build: it is faster than running the sources, and the same way in.
 */
export async function buildPlayer(folder: string, bug?: PlantedBug): Promise<string> {
  const outfile = join(folder, `${bug?.name ?? 'player'}.mjs`)
  const left = new Set(bug?.edits.map(({ file }) => file))
  await build({
    entryPoints: [join(root, 'test/simulation/player.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    sourcemap: 'inline',
    logLevel: 'silent',
    plugins: bug
      ? [
          {
            name: 'plant',
            setup({ onLoad }) {
              onLoad({ filter: /\.ts$/ }, ({ path }) => {
                const file = path.slice(root.length).replaceAll('\\', '/')
                if (!left.delete(file)) return undefined
                return { contents: plant(bug, file, readFileSync(path, 'utf8')), loader: 'ts' }
              })
            },
          },
        ]
      : [],
  })
  if (bug && left.size > 0) throw new Error(`${bug.name}: no history is played with ${[...left].join(' and ')}; plant the bug again`)
  return outfile
}

/** Throws unless every edit of these bugs fits the present sources. */
export function checkFit(bugs: readonly PlantedBug[]): void {
  for (const bug of bugs) for (const { file } of bug.edits) plant(bug, file, readFileSync(join(root, file), 'utf8'))
}
