import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { buildPlayer } from '../../simulation/build.js'
import { plant } from '../../simulation/edits.js'
import { planted } from '../../simulation/planted.js'
import type { PlantedBug } from '../../simulation/edits.js'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'hapax-planted-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bug = (...edits: PlantedBug['edits']): PlantedBug => ({ name: 'a-bug', why: 'Something goes wrong.', edits })
const filesOf = ({ edits }: PlantedBug): ReadonlySet<string> => new Set(edits.map(({ file }) => file))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')

test('an edit is made where its text is there exactly once, and refused where it is not', () => {
  const edit = { file: 'a.ts', find: 'two', replace: '$& 2' }
  expect(plant(bug(edit), 'a.ts', 'one two three')).toBe('one $& 2 three')
  expect(plant(bug(edit), 'b.ts', 'one')).toBe('one')
  expect(() => plant(bug(edit), 'a.ts', 'one')).toThrow('a-bug: the text to be replaced is not there any more in a.ts')
  expect(() => plant(bug(edit), 'a.ts', 'two two two')).toThrow('is there 3 times in a.ts')
})

test('every planted bug has a name of its own, says what goes wrong, and changes something', () => {
  expect(new Set(planted.map(({ name }) => name)).size).toBe(planted.length)
  for (const { name, why, edits } of planted) {
    expect(name).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(why, name).toMatch(/^[A-Z].*\.$/)
    for (const { find, replace } of edits) expect(replace, name).not.toBe(find)
  }
})

// The sources with a bug stand in folders of their own, and what they import is looked for beside the others.
test('every planted bug fits the present sources, and compiles', { timeout: 60_000 }, () => {
  const types = join(folder, 'types')
  for (const each of planted) {
    for (const file of filesOf(each)) {
      const place = join(types, each.name, file)
      mkdirSync(dirname(place), { recursive: true })
      writeFileSync(place, plant(each, file, read(file)))
    }
  }
  writeFileSync(join(types, 'package.json'), '{ "type": "module" }')
  const rootDirs = [root, ...planted.map(({ name }) => join(types, name))]
  const compilerOptions = { rootDir: '/', rootDirs, paths: {}, typeRoots: [join(root, 'node_modules/@types')] }
  writeFileSync(join(types, 'tsconfig.json'), JSON.stringify({ extends: join(root, 'tsconfig.json'), compilerOptions, include: ['.'] }))
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', types, '--pretty', 'false'],
    {
      encoding: 'utf8',
    },
  )
  expect(stdout).toBe('')
  expect(status).toBe(0)
})

test('a bug is planted in the build, and nowhere else', async () => {
  const [first] = planted
  if (!first) throw new Error('No bug is planted')
  const [clean, infested] = [await buildPlayer(folder), await buildPlayer(folder, first)].map((file) => readFileSync(file, 'utf8'))
  expect(clean).toContain('entry.token > token')
  expect(infested).not.toContain('entry.token > token')
  const withoutMap = (code = ''): number => code.slice(0, code.lastIndexOf('//# sourceMappingURL')).split('\n').length
  expect(withoutMap(clean) - withoutMap(infested)).toBe(1)
})

test('a bug is refused that does not fit, or is planted where no history comes', async () => {
  const elsewhere = bug({ file: 'adapters/stores/redis.ts', find: 'redisStore', replace: 'otherStore' })
  await expect(buildPlayer(folder, elsewhere)).rejects.toThrow('no history is played with adapters/stores/redis.ts')
  const outdated = bug({ file: 'src/lease.ts', find: 'what was there once', replace: '' })
  await expect(buildPlayer(folder, outdated)).rejects.toThrow('is not there any more in src/lease.ts')
})
