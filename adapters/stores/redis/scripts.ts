// oxlint-disable-next-line no-restricted-imports -- the server knows a script by its SHA-1
import { createHash } from 'node:crypto'

/**
 * A step for as many records as there are KEYS. ARGV holds for each run of records with the same terms how many they are, how many bytes each has of its
 * own, the terms, and what is their own in one text: clients and Redis work longest on arguments. Answers one text, with a line for each record: what the
 * step says, or `!` and why nothing can be said of this one (`!` alone for a record that Hapax did not write). So one that fails does not fail its
 * neighbours, and whatever a client makes of replies, it is the same.
 */
export interface Script {
  readonly text: string
  readonly sha1: string
}

interface Parts {
  /** What the records of a run have in common, by name. */
  readonly terms: readonly string[]
  /** Lua that is run once. */
  readonly once?: string
  /** Lua that is run once for each run, with its terms. */
  readonly forRun?: string
  /** Lua that sets `answer` for a record, by its `key`, the `value` there or false, and `own`. */
  readonly forRecord: string
}

function script({ terms, once = '', forRun = '', forRecord }: Parts): Script {
  const text = `${reading}${once}
local answers, done, at = {}, 0, 1
while done < #KEYS do
  local count, size, ${terms.join(', ')}, owns = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ${[...terms, ''].map((_, index) => `ARGV[at + ${index + 2}]`).join(', ')}${forRun}
  for index = 1, count do
    local key, own, answer = KEYS[done + index], string.sub(owns, (index - 1) * size + 1, index * size), nil
    local value = redis.pcall('GET', key)${forRecord}
    answers[done + index] = answer
  end
  done, at = done + count, at + ${terms.length + 3}
end
return readOnly or table.concat(answers, '\\n')
`
  return { text, sha1: createHash('sha1').update(text).digest('hex') }
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
local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), time[1] * 1000000 + time[2]
end`

/** Terms lease ms, memory ms, their sum; own the nonce. Says `token attempts lapses` (`token` alone where both are 0), `busy ms` or `duplicate`. */
export const claimScript: Script = script({
  terms: ['lease', 'memory', 'sum'],
  once: `
local nowMs, nowUs, fresh
local function whole(number) return string.format('%.0f', number) end`,
  // A duplicate, which asks for no more than this, is told first, and the clock is read where somebody needs it.
  forRun: `
  local head`,
  forRecord: `
    if value and #value == 16 and not string.find(value, '%D') then
      answer = 'duplicate'
    else
      if not nowMs then
        nowMs, nowUs = now()
        fresh = whole(nowUs)
      end
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
})

/** Terms lease ms; own the token. Says 1, or 0 when the claim does not hold the record. */
export const renewScript: Script = script({
  terms: ['lease'],
  once: `
local nowMs = now()`,
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
})

/** Terms window ms; own the token. Says 1, or 0 when there is a newer claim. */
export const completeScript: Script = script({
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
})

/** Terms rest ms, attempts, lapses; own the token. Says 1, or 0 when the claim does not hold the record. */
export const releaseScript: Script = script({
  terms: ['rest', 'attempts', 'lapses'],
  once: `
local nowMs = now()`,
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
})
