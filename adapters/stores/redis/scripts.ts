// oxlint-disable-next-line no-restricted-imports -- the server knows a script by its SHA-1
import { createHash } from 'node:crypto'

export type StepName = 'claim' | 'complete' | 'renew' | 'release'

/** A step on a record, as a part of the script. */
interface Part {
  readonly name: StepName
  /** What the records of a run have in common, by name. */
  readonly terms: readonly string[]
  /** Lua that is run once for each run, with its terms. */
  readonly forRun?: string
  /** Lua that sets `answer` for a record, by its `key`, the `value` there or false, and `own`. */
  readonly forRecord: string
}

/**
 * Lua's numbers are doubles: `%.0f` writes them in full, where `tostring` would write 1.7e+15. A replica refuses whatever is written, and the client has to
 * see that for itself: it may be made to connect anew.
 */
const reading = `
local readOnly
local function fault(reply)
  if type(reply) ~= 'table' then return '!' end
  if string.sub(reply.err, 1, 8) == 'READONLY' then readOnly = reply end
  return '!' .. string.gsub(reply.err, '%c', ' ')
end
local function read(value)
  if type(value) == 'table' then return nil end
  if #value == 16 and not string.find(value, '%D') then return 'consumed', value end
  local token = string.match(value, '^consumed (%d+)$')
  if token then return 'consumed', token end
  local state, untilMs, attempts, lapses, memory, nonce
  state, token, untilMs, attempts, lapses, memory, nonce = string.match(value, '^(%a+) (%d+) (%d+) (%d+) (%d+) (%d+) (.*)$')
  if state == 'consuming' or state == 'released' then return state, token, tonumber(untilMs), attempts, lapses, memory, nonce end
end
local function whole(number) return string.format('%.0f', number) end
local nowMs, nowUs, fresh
local function readClock()
  local time = redis.call('TIME')
  nowMs, nowUs = time[1] * 1000 + math.floor(time[2] / 1000), time[1] * 1000000 + time[2]
  fresh = whole(nowUs)
end`

/** Terms lease ms, memory ms, their sum; own the nonce. Says `token attempts lapses` (`token` alone where both are 0), `busy ms` or `duplicate`. */
const claimPart: Part = {
  name: 'claim',
  terms: ['lease', 'memory', 'sum'],
  // A duplicate, which asks for no more than this, is told first, and the clock is read where somebody needs it.
  forRun: `
    local head`,
  forRecord: `
    if value and #value == 16 and not string.find(value, '%D') then
      answer = 'duplicate'
    else
      if not nowMs then readClock() end
      local said, record = fresh, nil
      if value then
        local state, token, untilMs, attempts, lapses, _, nonce = read(value)
        local again = nonce == own
        if state == 'consumed' then
          answer = 'duplicate'
        elseif not state then
          answer = fault(value)
        elseif not (state == 'consuming' and again) then
          if untilMs > nowMs or again then
            answer = 'busy ' .. whole(math.max(1, untilMs - nowMs))
          else
            token = whole(math.max(nowUs, token + 1))
            if state == 'consuming' then lapses = whole(lapses + 1) end
          end
        end
        if not answer then
          said = token .. ' ' .. attempts .. ' ' .. lapses
          record = 'consuming ' .. token .. ' ' .. whole(nowMs + lease) .. ' ' .. attempts .. ' ' .. lapses .. ' ' .. memory .. ' ' .. own
        end
      else
        head = head or 'consuming ' .. fresh .. ' ' .. whole(nowMs + lease) .. ' 0 0 ' .. memory .. ' '
        record = head .. own
      end
      if record then
        local reply = redis.pcall('SET', key, record, 'PX', sum)
        answer = reply.err and fault(reply) or said
      end
    end`,
}

/** Terms lease ms; own the token. Says 1, or 0 when the claim does not hold the record. */
const renewPart: Part = {
  name: 'renew',
  terms: ['lease'],
  forRun: `
    if not nowMs then readClock() end`,
  forRecord: `
    answer = '0'
    if value then
      local state, token, _, attempts, lapses, memory, nonce = read(value)
      if not state then
        answer = fault(value)
      elseif state == 'consuming' and token == own then
        local head = string.format('consuming %s %.0f %s %s %s ', token, nowMs + lease, attempts, lapses, memory)
        local reply = redis.pcall('SET', key, head .. nonce, 'PX', string.format('%.0f', lease + memory))
        answer = reply.err and fault(reply) or '1'
      end
    end`,
}

/** Terms window ms; own the token. Says 1, or 0 when there is a newer claim. */
const completePart: Part = {
  name: 'complete',
  terms: ['window'],
  forRecord: `
    if value and (type(value) == 'table' or string.sub(value, 1, 11 + #own) ~= 'consuming ' .. own .. ' ') then
      local state, token = read(value)
      if not state then
        answer = fault(value)
      elseif tonumber(token) > tonumber(own) then
        answer = '0'
      elseif state == 'consumed' and token == own then
        answer = '1'
      end
    end
    if not answer then
      local reply = redis.pcall('SET', key, #own == 16 and own or 'consumed ' .. own, 'PX', window)
      answer = reply.err and fault(reply) or '1'
    end`,
}

/** Terms rest ms, attempts, lapses; own the token. Says 1, or 0 when the claim does not hold the record. */
const releasePart: Part = {
  name: 'release',
  terms: ['rest', 'attempts', 'lapses'],
  forRun: `
    if not nowMs then readClock() end`,
  forRecord: `
    answer = '0'
    if value then
      local state, token, _, _, _, memory, nonce = read(value)
      if not state then
        answer = fault(value)
      elseif state == 'consuming' and token == own then
        local head = string.format('released %s %.0f %s %s %s ', token, nowMs + rest, attempts, lapses, memory)
        local reply = redis.pcall('SET', key, head .. nonce, 'PX', string.format('%.0f', rest + memory))
        answer = reply.err and fault(reply) or '1'
      end
    end`,
}

function runOf({ name, terms, forRun = '', forRecord }: Part): string {
  const given = [...terms, 'owns']
  return `step == '${name}' then
    local ${given.join(', ')} = ${given.map((_, index) => `ARGV[at + ${index + 3}]`).join(', ')}${forRun}
    for index = 1, count do
      local key, own, answer = KEYS[done + index], string.sub(owns, (index - 1) * size + 1, index * size), nil
      local value = redis.pcall('GET', key)${forRecord}
      answers[done + index] = answer
    end
    at = at + ${given.length + 3}
`
}

const text = `${reading}
local answers, done, at = {}, 0, 1
while done < #KEYS do
  local step, count, size = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if ${[claimPart, completePart, renewPart, releasePart].map(runOf).join('  elseif ')}  end
  done = done + count
end
return readOnly or table.concat(answers, '\\n')
`

/**
 * Any steps on as many records as there are KEYS. ARGV holds for each run of records with the same step and the same terms the step's name, how many they are,
 * how many bytes each has of its own, the terms, and what is their own in one text: clients and Redis work longest on arguments. Answers one text, with a
 * line for each record: what the step says, or `!` and why nothing can be said of this one (`!` alone for a record that Hapax did not write). So one that
 * fails does not fail its neighbours, and whatever a client makes of replies, it is the same.
 */
export const script: { readonly text: string; readonly sha1: string } = { text, sha1: createHash('sha1').update(text).digest('hex') }
