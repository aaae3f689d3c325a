import { expect, test } from 'vitest'
import { ask } from '../../../cli/demo/asking.js'

const database = { name: 'PostgreSQL', at: 'postgres://me:secret@localhost:5432/shop' }
const saying = (error: unknown): Promise<unknown> =>
  ask(database, () => Promise.reject(error)).then(
    () => 'nothing',
    (asked: Error) => asked.message,
  )

test('what a server answers is handed on', async () => {
  await expect(ask(database, () => Promise.resolve(7))).resolves.toBe(7)
})

test('a server that does not answer is named, in one line, without its password', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' })
  const said = 'PostgreSQL at localhost:5432 does not answer: connect ECONNREFUSED ::1:5432'
  expect(await saying(refused)).toBe(said)
  // Node's way to say that neither address of a name answers.
  expect(await saying(new AggregateError([refused], ''))).toBe(said)
  expect(await saying(Object.assign(new Error(''), { code: 'ETIMEDOUT' }))).toBe('PostgreSQL at localhost:5432 does not answer: ETIMEDOUT')
})

test('one that refuses is told from one that does not answer', async () => {
  expect(await saying(new Error('database "shop"\n  does not exist'))).toBe(
    'PostgreSQL at localhost:5432 cannot be used: database "shop" does not exist',
  )
})

test('one that says nothing is not waited for', async () => {
  await expect(ask(database, () => new Promise(() => undefined), 1)).rejects.toThrow(
    'PostgreSQL at localhost:5432 does not answer: no answer within 0.001 s',
  )
})
