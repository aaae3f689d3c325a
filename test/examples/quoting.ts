import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Programs in the documentation are quoted from files that run in the tests. Above each stands
 *
 *     <!-- from: examples/webhook.ts#once -->
 *
 * which names a file and the regions in it (`// #region once` to `// #endregion`; several of one name are put together).
 * `npx tsx test/examples/quoting.ts` brings all of them up to date.
 */
const root = new URL('../../', import.meta.url)

export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(new URL('docs', root))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
]

export function read(path: string): string {
  return readFileSync(new URL(path, root), 'utf8')
}

/** The page with all its quotations as they should be. */
export function quoted(page: string): string {
  return page.replaceAll(/^<!-- from: (\S+)#(\S+) -->\n```ts\n[^]*?^```$/gm, (_all, path: string, name: string) => {
    return `<!-- from: ${path}#${name} -->\n\`\`\`ts\n${region(path, name)}\n\`\`\``
  })
}

/** Blocks of TypeScript that are quoted from nowhere. */
export function unquoted(page: string): readonly string[] {
  const blocks = page.matchAll(/^(.*)\n```(?:ts|typescript|js|javascript)\n([^]*?)^```$/gm)
  return [...blocks].filter(([, above = '']) => !above.startsWith('<!-- from: ')).map(([, , code = '']) => code)
}

function region(path: string, name: string): string {
  const parts = [...read(path).matchAll(/^ *\/\/ #region (\S+)\n([^]*?)\n *\/\/ #endregion/gm)].filter(([, each]) => each === name)
  if (parts.length === 0) throw new Error(`${path} has no region ${name}`)
  return parts.map(([, , code = '']) => withoutIndent(code)).join('\n\n')
}

function withoutIndent(code: string): string {
  const lines = code.split('\n')
  const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.length - line.trimStart().length))
  return lines.map((line) => line.slice(indent)).join('\n')
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const path of pages) {
    const page = read(path)
    const next = quoted(page)
    if (next !== page) writeFileSync(new URL(path, root), next)
  }
}
