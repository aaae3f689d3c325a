// Adds up the checks and Vitest's report, names what failed, and ends with `N passed, N failed`.
import { existsSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'

const lanes = ['unit', 'integration', 'examples']
const [checksFile, reportFile] = process.argv.slice(2)
const failures = []
const skipped = []
let passed = 0

const checks = readFileSync(checksFile, 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t'))
const files = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')).testResults : []
const ran = Object.fromEntries(lanes.map((lane) => [lane, 0]))

for (const { name, status, message, assertionResults } of files) {
  const file = relative(process.cwd(), name)
  const ranHere = assertionResults.filter((test) => test.status === 'passed' || test.status === 'failed')
  const lane = file.split('/')[1]
  if (lane in ran) ran[lane] += ranHere.length
  passed += ranHere.filter((test) => test.status === 'passed').length
  skipped.push(...assertionResults.filter((test) => !ranHere.includes(test)).map((test) => `${file} > ${test.fullName}`))
  const failed = ranHere.filter((test) => test.status === 'failed')
  for (const test of failed) failures.push(`${file} > ${test.fullName}\n${indent(test.failureMessages.join('\n'))}`)
  if (status === 'failed' && failed.length === 0) failures.push(`${file} failed as a whole\n${indent(message)}`)
  if (status !== 'failed' && ranHere.length === 0) failures.push(`${file}: all of its tests were skipped`)
}

const foundInTests = failures.length > 0
for (const lane of lanes) if (ran[lane] === 0) failures.push(`the lane \`${lane}\` ran no test`)
for (const [name, code, seconds] of checks) {
  if (code === '0') {
    // The tests are counted one by one.
    if (name !== 'tests') passed++
  } else if (name !== 'tests' || !foundInTests) failures.push(`the check \`${name}\` ended with code ${code}: see its output above`)
  console.log(`${code === '0' ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`)
}

if (skipped.length > 0) console.log(`\nSkipped:\n${indent(skipped.join('\n'), Infinity)}`)
if (failures.length > 0) console.log(`\nFailures:\n\n${failures.join('\n\n')}\n`)
console.log(`${passed} passed, ${failures.length} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`)
if (failures.length > 0) process.exitCode = 1

function indent(text, most = 12) {
  return text.split('\n').slice(0, most).join('\n').replace(/^/gm, '    ')
}
