import { existsSync } from 'node:fs'
import { posix } from 'node:path'
import { describe, expect, test } from 'vitest'
import { pages, quoted, read, unquoted } from './quoting.js'

const root = new URL('../../', import.meta.url)

describe.each(pages)('%s', (path) => {
  const page = read(path)

  test('its programs are those that run in the tests', () => {
    expect(page, 'bring it up to date: npx tsx test/examples/quoting.ts').toBe(quoted(page))
    expect(unquoted(page), 'programs that run nowhere').toEqual([])
  })

  test('its links lead somewhere', () => {
    const links = [...page.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)]
    const broken = links.filter(([, target = '', anchor]) => {
      const file = target === '' ? path : posix.join(posix.dirname(path), target)
      if (!existsSync(new URL(file, root))) return true
      return anchor !== undefined && !anchorsOf(read(file)).includes(anchor)
    })
    expect(broken.map(([link]) => link)).toEqual([])
  })
})

test('every page is linked from the first one', () => {
  const index = read('docs/index.md')
  const others = pages.filter((path) => path.startsWith('docs/') && path !== 'docs/index.md')
  expect(others.filter((path) => !index.includes(`(${posix.basename(path)})`))).toEqual([])
})

function anchorsOf(page: string): readonly string[] {
  return [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  )
}
