import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildPlayer } from './build.js'
import { openPlayer } from './players.js'
import type { PlantedBug } from './edits.js'
import type { Player } from './players.js'

/** Where players are built: a folder that goes when the process does. */
export interface Workshop {
  /** Every player of one bug, or of none, is of one build. */
  player(bug: PlantedBug | undefined): Promise<Player>
  close(): void
}

export function openWorkshop(): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'hapax-simulation-'))
  const bundles = new Map<PlantedBug | undefined, Promise<string>>()
  const close = (): void => rmSync(folder, { recursive: true, force: true })
  process.once('exit', close)
  return {
    async player(bug) {
      const bundle = bundles.get(bug) ?? buildPlayer(folder, bug)
      bundles.set(bug, bundle)
      return openPlayer(await bundle)
    },
    close() {
      process.off('exit', close)
      close()
    },
  }
}
