import { columns, nowMs, nowUs } from './forms.js'
import { assignments, givenBy, isOurs, placeOf } from './statements.js'
import type { MysqlValue } from './clients.js'
import type { Form, Step } from './forms.js'
import type { Statement } from './statements.js'

/** Steps of a form, as statements that find or make their rows, judge them under their locks, and answer with what they left. */
export interface MariadbStatements {
  /** One step. The text of a form is always the same, so that it can be prepared. Answers one row, always. */
  one(step: Step, id: Uint8Array): Statement
  /** Steps of one form and of different records, in one statement, which does all or none. Each row of its answer begins with the record, in hex. */
  several(steps: readonly Step[], id: Uint8Array): string
}

/**
 * They wait for no lock: one that is held fails the statement at once (1205). Whatever the mode of the session is, what does not fit is refused and not
 * cut, and assignments are made from left to right (SIMULTANEOUS_ASSIGNMENT is off).
 */
const unlocked = `set statement innodb_lock_wait_timeout = 0, sql_mode = 'STRICT_ALL_TABLES' for`
const answered = `state, token, attempts, lapses, until_ms - (${nowMs})`

export function mariadbStatements(table: string): MariadbStatements {
  const prepared = cachedBy((form, step) => prepare(table, form, step))
  const framed = cachedBy((form, step) => frame(table, form, step))
  return {
    one(step, id) {
      const { text, names } = prepared(step)
      const given = givenBy(step, id)
      return { text, values: names.map((name) => given[name] as MysqlValue) }
    },
    several(steps, id) {
      const [first] = steps
      if (!first) throw new Error('There is nothing to do')
      const { head, middle, tail } = framed(first)
      // In one order everywhere, so that of several that meet in more than one row the first comes through.
      const ordered = [...steps].sort((a, b) => (a.hex < b.hex ? -1 : 1))
      const rows = ordered.map(({ record, asked }) => [record, ...Object.values(asked)].map(literal).join())
      const name = literal(id)
      return `${head}(${rows.join('),(')}${middle}${name}${tail}${name}) as answer`
    },
  }
}

interface Prepared {
  readonly text: string
  /** What goes to each place, in order. */
  readonly names: readonly string[]
}

/** Without a derived table, which costs more than the row does. */
function prepare(table: string, form: Form, step: Step): Prepared {
  const given = givenBy(step, new Uint8Array())
  const names: string[] = []
  // What the row would begin with is there by name, and need not be sent again.
  const update = assignments(form, isOurs).replace(/\bits_(\w+)\b/g, (word, column: string) =>
    form.fresh.includes(word) ? `values(${column})` : word,
  )
  const text = `${unlocked} insert into ${table} (${columns}) values (its_record, ${form.fresh})
on duplicate key update ${update}
returning concat_ws(' ', ${answered}, step = its_step) as answer`
  return {
    text: text.replace(/\b[a-z]+_[a-z]+\b/g, (word) => {
      if (word === 'now_us') return nowUs
      if (word === 'now_ms') return `(${nowMs})`
      const value = given[word]
      if (value === undefined) return word
      names.push(word)
      return placeOf(value)
    }),
    names,
  }
}

interface Frame {
  readonly head: string
  readonly middle: string
  readonly tail: string
}

function frame(table: string, form: Form, { asked }: Step): Frame {
  return {
    head: `${unlocked} insert into ${table} (${columns})
with asked(its_record, ${Object.keys(asked).join(', ')}) as (values `,
    middle: `))
select its_record, ${form.fresh} from asked join (select `,
    tail: ` as its_step, ${nowUs} as now_us, ${nowMs} as now_ms) as clock where true
on duplicate key update ${assignments(form, isOurs)}
returning concat_ws(' ', hex(record), ${answered}, step = `,
  }
}

/** What is the same text in each character set, and means nothing in any mode of a session. */
const plain = /^[\w .:/@-]*$/

/** Long texts cost more than anything else does: digits only where they have to be. */
function literal(value: MysqlValue): string {
  if (typeof value === 'number') return String(value)
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const text = bytes.toString('latin1')
  return plain.test(text) ? `_binary'${text}'` : `x'${bytes.toString('hex')}'`
}

function cachedBy<Value>(make: (form: Form, step: Step) => Value): (step: Step) => Value {
  const made = new Map<Form, Value>()
  return (step) => {
    let value = made.get(step.form)
    if (value === undefined) made.set(step.form, (value = make(step.form, step)))
    return value
  }
}
