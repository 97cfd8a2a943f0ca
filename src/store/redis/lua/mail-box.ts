import { FINAL_STATES } from '../../../task/task.ts'

/**
 * Makes it, or opens it again and replaces what is given. Another reader gives back what the one before had leased.
 * A: name, now, fields (name and value in turn), reader, runId.
 */
export const OPEN = `
local key = P .. 'box:' .. A.name
if string.sub(A.name, 1, 2) == 't-' then
  local state = redis.call('HGET', P .. 'task:' .. A.name, 'state')
  for _, final in ipairs({ ${FINAL_STATES.map((state) => `'${state}'`).join(', ')} }) do
    if state == final then refuse('E_STATE', A.name .. ' is ' .. state .. ': nobody reads there any more') end
  end
end
local v = redis.call('HMGET', key, 'open', 'reader', 'runId', 'ord')
local ord = v[4]
if not ord then
  ord = redis.call('INCR', P .. 'mail:boxes:last')
  redis.call('ZADD', P .. 'mail:boxes', ord, A.name)
  redis.call('HSET', key, 'ord', ord, 'direct', 0, 'copies', 0, 'capabilities', '[]', 'topics', '[]')
end
if v[1] ~= '1' then
  redis.call('HSET', key, 'open', 1, 'openedAt', A.now)
  redis.call('ZADD', P .. 'mail:boxes:open', ord, A.name)
end
redis.call('HSET', key, unpack(A.fields))
if A.runId and A.runId ~= v[3] then
  if v[3] then redis.call('ZREM', P .. 'mail:boxes:run:' .. v[3], A.name) end
  redis.call('ZADD', P .. 'mail:boxes:run:' .. A.runId, ord, A.name)
end
if v[1] and A.reader and A.reader ~= v[2] then
  redis.call('HDEL', key, 'hand')
  for _, id in ipairs(redis.call('ZRANGE', key .. ':leased', 0, -1)) do mail_release(mail_row(id)) end
  mail_ring(A.name)
  mail_publish()
end
return cjson.encode(redis.call('HGETALL', key))
`

/** A: name. */
export const FIND = `
local flat = redis.call('HGETALL', P .. 'box:' .. A.name)
if #flat > 0 then return cjson.encode(flat) end
`

/** A: name. */
export const WAITING = `
local v = redis.call('HMGET', P .. 'box:' .. A.name, 'direct', 'copies')
if not v[1] then mail_no_box(A.name) end
return '{"direct":' .. v[1] .. ',"copies":' .. v[2] .. '}'
`

/**
 * A piece of the mailboxes of an index, and where the next begins. Words are looked for as JSON in JSON.
 * A: index, after, and what is wanted: open ('1' or '0'), capability, topic, filled (something waits there).
 */
export const LIST = `
local PIECE = 500
local page = redis.call('ZRANGEBYSCORE', P .. A.index, A.after and '(' .. A.after or '-inf', '+inf', 'WITHSCORES', 'LIMIT', 0, PIECE)
local out = {}
local function has(list, word) return not word or string.find(list, word, 1, true) end
for i = 1, #page, 2 do
  local key = P .. 'box:' .. page[i]
  local v = redis.call('HMGET', key, 'open', 'capabilities', 'topics', 'direct', 'copies')
  if v[1] and (not A.open or v[1] == A.open) and has(v[2], A.capability) and has(v[3], A.topic) then
    if not A.filled then
      out[#out + 1] = '[' .. cjson.encode(page[i]) .. ',' .. cjson.encode(redis.call('HGETALL', key)) .. ']'
    elseif v[4] + v[5] > 0 then
      out[#out + 1] = cjson.encode(page[i])
    end
  end
end
local rest = #page == PIECE * 2 and ',"after":"' .. page[#page] .. '"' or ''
return '{"found":[' .. table.concat(out, ',') .. ']' .. rest .. '}'
`

/** A: name, now, message. Tells whether there is more to bury. */
export const CLOSE = `
if redis.call('EXISTS', P .. 'box:' .. A.name) == 0 then mail_no_box(A.name) end
local more = mail_close(A.name, A.now, A.message)
mail_publish()
return tostring(more)
`

/** A: name. Tells whether there is more to bury. */
export const BURY_REST = `
local more = mail_bury_rest(A.name)
mail_publish()
return tostring(more)
`
