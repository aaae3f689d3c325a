import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { dirname } from 'node:path'

/** Makes a folder unless it is there. It is renamed when whole, so that an interrupted run leaves no half folder behind. */
export async function madeOnce(dir: string, make: (partial: string) => Promise<void>): Promise<void> {
  if (existsSync(dir)) return
  const partial = `${dir}.${process.pid}.partial`
  mkdirSync(dirname(dir), { recursive: true })
  await make(partial)
  if (existsSync(dir)) rmSync(partial, { recursive: true })
  else renameSync(partial, dir)
}
