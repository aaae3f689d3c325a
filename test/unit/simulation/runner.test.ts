import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { planOf } from '../../../testing/simulation/planning.js'
import { simulate } from '../../../testing/simulation/simulate.js'
import { readCommand } from '../../simulation/arguments.js'
import { memoryPieces } from '../../simulation/pieces.js'
import { run } from '../../simulation/run.js'
import { openScreen } from '../../simulation/screen.js'

const folder = mkdtempSync(join(tmpdir(), 'hapax-runner-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
// So that nobody else puts anything there.
process.env.TMPDIR = folder

/** What the words came to: the exit status, and what was said. */
async function simulated(...words: readonly string[]): Promise<{ status: number; said: string; errors: string }> {
  const texts = { said: '', errors: '' }
  const into = (name: keyof typeof texts) => ({ write: (text: string | Uint8Array) => (texts[name] += String(text)) !== '' })
  const status = await run(words, into('said'), into('errors'))
  return { status, ...texts }
}

test.for([
  [['--seeds', '0'], '--seeds must be a whole number of at least 1, and is 0'],
  [['--seeds', '1..'], '--seeds must be a whole number of at least 1, and is 1..'],
  [['--seeds', '9..3'], '--seeds 9..3 ends before it begins; try 3..9'],
  [['--seed', 'x'], '--seed must be a whole number of at least 0, and is x'],
  [['--seed', ''], '--seed must be a whole number of at least 0, and is empty'],
  [['--seed', '-1'], "Option '--seed' argument is ambiguous."],
  [['--seed', '3', '--seeds', '4'], '--seed and --seeds do not go together'],
  [['--seed', '3', '--most', '3'], '--most goes with --planted only'],
  [['--seeds', '3', '--about', 'order-1'], '--about goes with --seed and --plan only'],
  [['--seeds', '3', '--cores', '0'], '--cores must be a whole number of at least 1, and is 0'],
  [['--seed', '3', 'complete-unfenced'], 'what is complete-unfenced for?'],
  [['--planted', '--seed', '3'], '--planted with --seed takes one name'],
  [['--planted', 'twin-waits'], 'no planted bug is called twin-waits; did you mean twin-waits-for-ever?'],
  [['--planted', 'nothing-of-the-kind'], 'no planted bug is called nothing-of-the-kind; npm run simulate -- --planted plays them all'],
  [['--forgets'], 'say what to play: --seed N, --seeds A..B, --plan FILE or --planted'],
  [['--bogus'], "Unknown option '--bogus'"],
  [['--plan', 'no-such-file.json'], 'no-such-file.json cannot be read: ENOENT: no such file or directory'],
  [['--seed', '3', '--about', 'no-such-key'], 'no message has the key "no-such-key"; the keys are "'],
] as const)('%j is refused in one line', async ([words, message]) => {
  const { status, said, errors } = await simulated(...words)
  expect(errors).toContain(`simulate: ${message}`)
  expect(errors.trimEnd().split('\n')).toHaveLength(1)
  expect({ status, said }).toEqual({ status: 2, said: '' })
})

test('what is no plan is refused', async () => {
  const file = join(folder, 'no-plan.json')
  for (const [text, message] of [
    ['{', 'cannot be read: '],
    ['[]', 'holds no plan: it has no seed, no settings'],
    ['null', 'holds no plan'],
  ] as const) {
    writeFileSync(file, text)
    expect((await simulated('--plan', file)).errors).toContain(`simulate: ${file} ${message}`)
  }
})

test('the command line says what is meant', () => {
  expect(readCommand(['--seeds', '7', '--cores', '2'])).toMatchObject({ what: 'many', from: 1, to: 7, cores: 2, keepGoing: false })
  expect(readCommand(['--seeds', '5..5', '--keep-going', '--forgets'])).toMatchObject({ from: 5, to: 5, keepGoing: true, forgets: true })
  expect(readCommand(['--planted'])).toMatchObject({ what: 'planted', most: 10_000 })
  const twice = readCommand(['--planted', 'no-renewal', 'keys-cut', 'no-renewal', '--most', '5'])
  expect(twice).toMatchObject({ most: 5, bugs: [{ name: 'no-renewal' }, { name: 'keys-cut' }] })
  expect(readCommand(['--planted', 'no-renewal', '--seed', '0'])).toMatchObject({
    what: 'one',
    bug: { name: 'no-renewal' },
    source: { seed: 0 },
  })
})

test('help is help, and no words are none', async () => {
  const help = await simulated('--help')
  const nothing = await simulated()
  expect(help).toMatchObject({ status: 0, errors: '' })
  expect(help.said).toContain('--seeds A..B')
  expect(nothing).toMatchObject({ status: 2, said: help.said })
})

test('one history is told as a story, the same each time, or of one key only', async () => {
  const { violations, twice, plan } = await simulate(planOf(3), memoryPieces())
  const [key = '', other = ''] = [...new Set(plan.messages.map((message) => message.key))]
  expect(violations).toEqual([])

  const first = await simulated('--seed', '3')
  expect(first.said).toContain(`(${key})`)
  expect(first.said).toContain(`(${other})`)
  expect(first.said).toContain('Nothing was violated.')
  expect(first).toMatchObject({ status: 0, errors: '' })
  expect(await simulated('--seed', '3')).toEqual(first)
  expect((await simulated('--seed', '3', '--about', key)).said).not.toContain(`(${other})`)
  expect(JSON.parse((await simulated('--seed', '3', '--json')).said)).toEqual({ seed: 3, violations, twice })
})

test('many histories hold, whoever plays them', { timeout: 120_000 }, async () => {
  const { status, said, errors } = await simulated('--seeds', '300')
  expect(errors).toBe('')
  expect(said).toMatch(/^histories +300$/m)
  expect(said).toMatch(/^ {2}crash +\d+ +\d\.\d\d +\d+\.\d %$/m)
  expect(said).toContain('All held.')
  expect(status).toBe(0)
})

test('many histories as JSON add up the same on one core and on more', { timeout: 120_000 }, async () => {
  const [one, more] = [
    await simulated('--seeds', '101..140', '--cores', '1', '--json'),
    await simulated('--seeds', '101..140', '--cores', '3', '--json'),
  ]
  const totals = (said: string): unknown => ({ ...(JSON.parse(said) as object), historiesPerSecond: 0 })
  expect(totals(one.said)).toEqual(totals(more.said))
  expect(totals(one.said)).toMatchObject({ histories: 40, failed: 0, violations: [] })
  expect(one.status).toBe(0)
})

test('a history that fails is made small, told, written down and played again', { timeout: 120_000 }, async () => {
  const out = join(folder, 'small.json')
  const bug = ['--planted', 'recorded-before-the-run']
  const { status, said, errors } = await simulated(...bug, '--seeds', '200', '--out', out)
  expect({ status, errors }).toEqual({ status: 1, errors: '' })
  expect(said).toMatch(/^\d+ histor(y|ies) failed\.$/m)
  expect(said).toContain(`To play this again:    npm run simulate -- --planted recorded-before-the-run --plan ${out}`)
  const [, seed = ''] = /^As it was found: +npm run simulate -- --planted recorded-before-the-run --seed (\d+)$/m.exec(said) ?? []
  const [, property = ''] = new RegExp(`^Seed ${seed}: ([a-z-]+): `, 'm').exec(said) ?? []

  const again = await simulated(...bug, '--plan', out)
  expect(again.said).toContain(`VIOLATED: ${property}: `)
  expect(again.status).toBe(1)
  expect(said).toContain(again.said)
  expect((await simulated('--plan', out)).status).toBe(0)
  expect((await simulated(...bug, '--seed', seed)).said).toContain(`VIOLATED: ${property}: `)
  const { messages, faults } = JSON.parse(readFileSync(out, 'utf8')) as { messages: readonly unknown[]; faults: readonly unknown[] }
  expect(messages.length + faults.length).toBeLessThan(6)
})

test(
  'the first history that fails is the same on one core and on more, and --keep-going goes on after it',
  { timeout: 120_000 },
  async () => {
    const play = async (...words: readonly string[]) => {
      const { said } = await simulated('--planted', 'failure-recorded', '--out', join(folder, 'other.json'), '--json', ...words)
      return JSON.parse(said) as { histories: number; failed: number; violations: readonly { seed: number }[] }
    }
    const all = await play('--seeds', '60', '--keep-going')
    expect(all.histories).toBe(60)
    expect(all.failed).toBeGreaterThan(1)
    for (const cores of ['1', '4']) expect((await play('--seeds', '60', '--cores', cores)).violations[0]).toEqual(all.violations[0])
  },
)

test('planted bugs are found, and one that is not found in so few histories is said to be so', { timeout: 120_000 }, async () => {
  const names = ['complete-unfenced', 'recorded-before-the-run', 'acked-before-the-copy']
  const { status, said, errors } = await simulated('--planted', ...names, '--most', '300')
  expect(errors).toBe('')
  for (const name of names) expect(said).toMatch(new RegExp(`^${name} +\\d+ +[a-z-]+`, 'm'))
  expect(said).toMatch(/^3 of 3 found, in [\d,]+ histories/m)
  expect(status).toBe(0)
  const tooFew = await simulated('--planted', 'complete-unfenced', '--most', '1')
  expect(tooFew.said).toMatch(/^complete-unfenced +1 +NOT FOUND$/m)
  expect(tooFew.status).toBe(1)
})

test('nothing is left behind in the temporary folder', () => {
  expect(readdirSync(tmpdir()).filter((name) => name.startsWith('hapax-simulation-'))).toEqual([])
})

test('progress is one line on a terminal, and a line from time to time elsewhere', () => {
  let said = ''
  const write = (text: string | Uint8Array) => (said += String(text)) !== ''
  const terminal = openScreen({ write, isTTY: true, columns: 20 }, false)
  terminal.progress('so far, so very very good')
  terminal.say('done')
  expect(said).toBe('so far, so very ver\r\u001b[Kdone\n')
  said = ''
  const file = openScreen({ write }, false)
  file.progress('soon')
  file.say('done')
  expect(said).toBe('done\n')
})
