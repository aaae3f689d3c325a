import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { servicesDir } from '../../test/services/places.js'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))

/** Hapax as it is published, and beside it the contenders, which import it by its name. Ignored by git. */
export const packageDir: string = join(servicesDir, 'bench', 'package')

export const childFile: string = join(packageDir, 'bench', 'main.mjs')

/** What servers and files of a run leave on disk. */
export const scratchDir: string = join(servicesDir, 'bench', 'scratch')

export const peersDir: string = join(root, 'bench', 'peers')
