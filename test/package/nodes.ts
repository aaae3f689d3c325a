import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { servicesDir } from '../services/places.js'
import { sh } from './steps.js'

/** The oldest Node that `engines` allows, and the newest of each later line that is maintained. */
export const nodeVersions = ['20.19.0', '22.23.3', '24.21.0'] as const

/** The binary of one Node version, from the npm package that ships it for this platform. */
export function nodeBinary(version: string): string {
  const dir = join(servicesDir, 'nodes', version)
  const platform = process.platform === 'win32' ? 'win' : process.platform
  const name = `node-${platform}-${process.arch}`
  const binary = join(dir, 'node_modules', name, 'bin', 'node')
  if (!existsSync(binary)) sh(servicesDir, 'npm', 'install', '--prefix', dir, '--no-audit', '--no-fund', `${name}@${version}`)
  const answer = sh(servicesDir, binary, '--version').trim()
  if (answer !== `v${version}`) throw new Error(`${binary} is ${answer}`)
  return binary
}
