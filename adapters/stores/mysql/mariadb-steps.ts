import { openCoalescing } from '../../../src/index.js'
import { textsOf } from './clients.js'
import { isLocked, isOfOneRow } from './faults.js'
import { mariadbStatements } from './mariadb-statements.js'
import { patiently, unlessDeadlock } from './patience.js'
import { unreadable, writtenRow } from './rows.js'
import { newId } from './statements.js'
import type { Coalescing } from '../../../src/index.js'
import type { Send, Ways } from './clients.js'
import type { Form, Step } from './forms.js'
import type { Row } from './rows.js'
import type { Steps } from './steps.js'

/** How often a lock is tried that may belong to no more than a statement under way: the waits in between come to about 70 ms. */
const mostTries = 8
/** How many steps are one statement at most, */
const mostSteps = 128
/** and how long their text is, which is far less than any server takes. */
const mostLength = 250_000

/** Of a statement that was not sent, and is to be sent in halves. */
const tooLong = new Error('This statement is too long')

/**
 * Steps that are asked for in one turn become one statement, by kind. A row that is locked, or that does not fit, fails the whole statement at once, and it
 * has done nothing then: its steps are done in halves, so that the one alone is left over. That one waits by itself for what may be a
 * moment's lock, and keeps nobody else waiting.
 *
 * One statement of a kind is under way at a time, or two of them would meet in rows of the same key.
 */
export function openMariadbSteps(table: string, { send, sendPrepared }: Ways): Steps {
  const statements = mariadbStatements(table)

  const one = async (through: Send, step: Step): Promise<Row> => {
    const { text, values } = statements.one(step, newId())
    const texts = textsOf(await through(text, values))
    if (texts.length !== 1) throw unreadable(texts)
    return writtenRow(texts[0] ?? '')
  }
  const several = async (steps: readonly Step[]): Promise<readonly Row[]> => {
    const text = statements.several(steps, newId())
    if (steps.length > 1 && text.length > mostLength) throw tooLong
    const rows = new Map<string, Row>()
    for (const answer of textsOf(await send(text))) {
      const end = answer.indexOf(' ')
      rows.set(answer.slice(0, end).toLowerCase(), writtenRow(answer.slice(end + 1)))
    }
    return steps.map((step) => {
      const row = rows.get(step.hex)
      if (!row) throw unreadable([...rows])
      return row
    })
  }
  const alone = (step: Step): Promise<Row> => unlessDeadlock(() => one(sendPrepared, step))

  const queues = new Map<Form, Coalescing<Step, Row>>()
  const queueOf = ({ form }: Step): Coalescing<Step, Row> => {
    let queue = queues.get(form)
    if (!queue) {
      queue = openCoalescing<Step, Row>({
        async send(steps) {
          const [only] = steps
          return steps.length === 1 && only ? [await alone(only)] : unlessDeadlock(() => several(steps))
        },
        keyOf: ({ hex }) => hex,
        mayBeOfOne: (error) => error === tooLong || isLocked(error) || isOfOneRow(error),
        mostCalls: mostSteps,
        mostFlights: 1,
      })
      queues.set(form, queue)
    }
    return queue
  }

  return {
    run: (step) => patiently(mostTries, (tries) => (tries === 1 ? queueOf(step).ask(step) : alone(step))),
    runIn: (through, step) => patiently(mostTries, () => one(through.sendPrepared, step)),
  }
}
