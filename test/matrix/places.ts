import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { servicesDir } from '../services/places.js'

export const root: string = fileURLToPath(new URL('../../', import.meta.url))
export const matrixDir: string = join(servicesDir, 'matrix')
