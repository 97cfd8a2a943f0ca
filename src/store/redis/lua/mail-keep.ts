import { MAIL_BASE } from './mail-base.ts'
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

/** `mail_forget(row)`: the message and every index of it. */
const FORGET = `
local function mail_forget(row)
  local id, box = row.id, P .. 'box:' .. row.b .. ':'
  if row.s == 'waiting' then
    redis.call('ZREM', box .. 'leased', id)
    redis.call('ZREM', P .. 'mail:leased', id)
    redis.call('ZREM', P .. 'mail:expiring', id)
  elseif row.s ~= 'dead' then
    redis.call('ZREM', P .. 'mail:settled', mail_old(row))
  end
  redis.call('ZREM', P .. 'mail:' .. row.s .. ':' .. row.t, id)
  redis.call('ZREM', box .. row.s, id)
  redis.call('ZREM', P .. 'mail:from:' .. row.f, id)
  if row.r ~= '' then redis.call('ZREM', P .. 'mail:run:' .. row.r, id) end
  if row.k then redis.call('ZREM', P .. 'mail:correlation:' .. row.k, id) end
  redis.call('ZREM', P .. 'mail:unanswered', id)
  redis.call('DEL', P .. 'message:' .. id, P .. 'text:' .. id)
end
`

/** Forgets a piece of what is acknowledged or dropped, the oldest first. Gives how many. A: keep, before. */
export const PRUNE = `${FORGET}
local PIECE = 500
local settled = P .. 'mail:settled'
local old = redis.call('ZRANGEBYSCORE', settled, '-inf', '(' .. A.before, 'LIMIT', 0, PIECE)
if #old == 0 then
  local many = math.min(PIECE, redis.call('ZCARD', settled) - A.keep)
  if many > 0 then old = redis.call('ZRANGE', settled, 0, many - 1) end
end
for _, member in ipairs(old) do
  local row = mail_row(string.sub(member, 18))
  redis.call('ZREM', settled, member)
  if row then mail_forget(row) end
end
return tostring(#old)
`

/**
 * For the store's own pruning, in a script of its: `box_forget(name)` forgets a mailbox with the messages in it, whatever their
 * state. A piece at a time: gives true when there is more, and the mailbox itself goes with the last. Includes what it needs.
 */
export const BOX_FORGET = `${MAIL_BASE}${FORGET}
local function box_forget(name)
  local key, left = P .. 'box:' .. name, 500
  for _, state in ipairs({ 'leased', 'waiting', 'dead', 'acknowledged', 'dropped' }) do
    for _, id in ipairs(left > 0 and redis.call('ZRANGE', key .. ':' .. state, 0, left - 1) or {}) do
      mail_forget(mail_row(id))
      left = left - 1
    end
  end
  if left == 0 then return true end
  local run = redis.call('HGET', key, 'runId')
  if run then redis.call('ZREM', P .. 'mail:boxes:run:' .. run, name) end
  redis.call('ZREM', P .. 'mail:boxes', name)
  redis.call('ZREM', P .. 'mail:boxes:open', name)
  redis.call('SREM', P .. 'mail:closing', name)
  redis.call('DEL', key)
  return false
end
`
