import type { MysqlValue } from './clients.js'

/** What a kind of step makes of a record, in SQL. It reads what is asked by the names of `asked`, the time as `now_us` and `now_ms`, and as `its_step` what names this one statement. */
export interface Form {
  /** The row, where there was none; of `columns`, all but the record. */
  readonly fresh: string
  /** When a row that is there is taken, */
  readonly taken: string
  /** what is decided by the row as it was, */
  readonly first?: Readonly<Record<string, string>>
  /** and what becomes of it. */
  readonly becomes: Readonly<Record<string, string>>
}

/** What one call asks for. */
export interface Step {
  readonly form: Form
  readonly record: Uint8Array
  /** The record in hexadecimal digits. */
  readonly hex: string
  readonly asked: Readonly<Record<string, MysqlValue>>
}

/** By the server's clock when the statement began, whatever the session's time zone is; all of a statement sees the same. */
export const nowUs = `timestampdiff(microsecond, '1970-01-01', utc_timestamp(6))`
export const nowMs: string = `${nowUs} div 1000`

export const columns = 'record, state, token, attempts, lapses, nonce, step, until_ms, memory_ms, over_ms'
const over = 'over_ms <= now_ms'

const anew = `(${over} or (state <> 1 and until_ms <= now_ms and nonce <> its_nonce))`

/** Attempts, lapses and token go by the row as it was. */
const claiming: Form = {
  fresh: '0, now_us, 0, 0, its_nonce, its_step, now_ms + lease_ms, keep_ms, now_ms + lease_ms + keep_ms',
  first: {
    attempts: `if(${over}, 0, attempts)`,
    lapses: `if(${over}, 0, lapses + (state = 0 and until_ms <= now_ms and nonce <> its_nonce))`,
    token: `if(${anew}, greatest(token + 1, now_us), token)`,
  },
  taken: `${anew} or (state = 0 and nonce = its_nonce)`,
  becomes: {
    state: '0',
    nonce: 'its_nonce',
    until_ms: 'now_ms + lease_ms',
    memory_ms: 'keep_ms',
    over_ms: 'now_ms + lease_ms + keep_ms',
  },
}

export function claimStep(record: string, nonce: string, leaseMs: number, memoryMs: number): Step {
  return step(claiming, record, { its_nonce: Buffer.from(nonce), lease_ms: leaseMs, keep_ms: memoryMs })
}

/** What `renew` and `release` leave where there was nothing: a record that is over already, which is the same. */
const nothing = `2, 0, 0, 0, '', '', 0, 0, 0`
const held = '(state = 0 and token = its_token and over_ms > now_ms)'

const renewing: Form = {
  fresh: nothing,
  taken: held,
  becomes: { until_ms: 'now_ms + lease_ms', over_ms: 'now_ms + lease_ms + memory_ms' },
}

export function renewStep(record: string, token: number, leaseMs: number): Step {
  return step(renewing, record, { its_token: token, lease_ms: leaseMs })
}

const releasing: Form = {
  fresh: nothing,
  taken: held,
  becomes: {
    state: '2',
    attempts: 'its_attempts',
    lapses: 'its_lapses',
    until_ms: 'now_ms + rest_ms',
    over_ms: 'now_ms + rest_ms + memory_ms',
  },
}

export function releaseStep(record: string, token: number, restMs: number, attempts: number, lapses: number): Step {
  return step(releasing, record, { its_token: token, rest_ms: restMs, its_attempts: attempts, its_lapses: lapses })
}

const consumed = {
  state: '1',
  attempts: '0',
  lapses: '0',
  nonce: `''`,
  until_ms: 'now_ms + window_ms',
  memory_ms: '0',
  over_ms: 'now_ms + window_ms',
}

const completing: Form = {
  fresh: `1, its_token, 0, 0, '', its_step, now_ms + window_ms, 0, now_ms + window_ms`,
  taken: `${over} or token < its_token or (token = its_token and state <> 1)`,
  becomes: { ...consumed, token: 'its_token' },
}

export function completeStep(record: string, token: number, windowMs: number): Step {
  return step(completing, record, { its_token: token, window_ms: windowMs })
}

const claimingIn: Form = {
  fresh: `1, now_us, 0, 0, '', its_step, now_ms + window_ms, 0, now_ms + window_ms`,
  taken: `${over} or (state = 0 and token = its_token) or (state <> 1 and until_ms <= now_ms and (its_token = 0 or token <= its_token))`,
  becomes: { ...consumed, token: 'greatest(token + 1, now_us)' },
}

/** A token of 0: the caller holds no claim. */
export function claimInStep(record: string, token: number, windowMs: number): Step {
  return step(claimingIn, record, { its_token: token, window_ms: windowMs })
}

function step(form: Form, record: string, asked: Step['asked']): Step {
  for (const [name, value] of Object.entries(asked)) {
    // It would be rounded by one client and refused by another, and fail those that travel with it.
    if (typeof value === 'number' && !Number.isSafeInteger(value)) throw new RangeError(`${name} has to be a whole number, and is ${value}`)
  }
  const bytes = Buffer.from(record)
  return { form, record: bytes, hex: bytes.toString('hex'), asked }
}
