import { MAIL_DEAD } from './mail-send.ts'

/** Tells whether it was still the version that was read. A: id, version, now, text, changed (JSON), to. */
export const EDIT = `${MAIL_DEAD}
local row = mail_dead({ A.id })[1]
local key = P .. 'message:' .. A.id
if (redis.call('HGET', key, 'v') or '0') ~= A.version then return 'false' end
local to = A.to or row.b
if redis.call('EXISTS', P .. 'box:' .. to) == 0 then mail_no_box(to) end
redis.call('SET', P .. 'text:' .. A.id, A.text)
redis.call('HINCRBY', key, 'v', 1)
if to ~= row.b then
  redis.call('ZREM', P .. 'box:' .. row.b .. ':dead', A.id)
  redis.call('ZADD', P .. 'box:' .. to .. ':dead', row.o, A.id)
  redis.call('HSET', key, 'b', to)
end
mail_tell('message.edited', A.id, to, row.r, A.now, ',"changed":' .. A.changed)
return 'true'
`

/** dead ─▶ dropped, all or none. A: ids, now. */
export const DROP = `${MAIL_DEAD}
for _, row in ipairs(mail_dead(A.ids)) do
  mail_settle(row, 'dropped')
  mail_tell('message.dropped', row.id, row.b, row.r, A.now)
end
`

/** Forgets a piece of what is acknowledged or dropped, the oldest first. Gives how many. A: keep, before. */
export const PRUNE = `
local PIECE = 500
local settled = P .. 'mail:settled'
local old = redis.call('ZRANGEBYSCORE', settled, '-inf', '(' .. A.before, 'LIMIT', 0, PIECE)
if #old == 0 then
  local many = math.min(PIECE, redis.call('ZCARD', settled) - A.keep)
  if many > 0 then old = redis.call('ZRANGE', settled, 0, many - 1) end
end
for _, member in ipairs(old) do
  local id = string.sub(member, 18)
  local row = mail_row(id)
  redis.call('ZREM', settled, member)
  if row then
    redis.call('ZREM', P .. 'mail:' .. row.s .. ':' .. row.t, id)
    redis.call('ZREM', P .. 'box:' .. row.b .. ':' .. row.s, id)
    redis.call('ZREM', P .. 'mail:from:' .. row.f, id)
    if row.r ~= '' then redis.call('ZREM', P .. 'mail:run:' .. row.r, id) end
    if row.k then redis.call('ZREM', P .. 'mail:correlation:' .. row.k, id) end
    redis.call('ZREM', P .. 'mail:unanswered', id)
    redis.call('DEL', P .. 'message:' .. id, P .. 'text:' .. id)
  end
end
return tostring(#old)
`
