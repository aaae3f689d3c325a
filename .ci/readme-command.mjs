// Prints the command in README.md's fenced block that follows `<!-- command: NAME -->`.
import { readFileSync } from 'node:fs'

const name = process.argv[2]
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
const block = new RegExp(`<!-- command: ${name} -->\\s*\`\`\`\\w*\\n([^]*?)\`\`\``).exec(readme)
if (!block) {
  console.error(`README.md has no fenced block after <!-- command: ${name} -->`)
  process.exit(1)
}
console.log(block[1].trim())
