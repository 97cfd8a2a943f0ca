/**
 * What every script of the mailboxes begins with. Keys:
 *
 * - `box:NAME` hash: open, openedAt, capacity, direct and copies (how many wait), reader, runId, taskId, agent, profile,
 *   capabilities and topics (JSON), ord (its place among mailboxes), hand (of a reader that
 *   waits; '' = none) and handed (the message that was put into the latest one), and while it is being closed buryTo, buryAt, buryReason:
 *   what waits there up to that ordinal is over, and is buried piece by piece.
 * - `message:ID` hash, small enough for a listpack: o(rdinal), b(ox), f(rom), t(ype), s(tate), at (sent), r(un), k (correlation),
 *   c(opy), e(xpires), n (how often it came back), nb (not before), d(elivered), u (leased until), a(cknowledged), ai and aa (its
 *   answer and when), re(ason, JSON), v (how often it was edited). `text:ID` is the message as JSON.
 * - sorted sets of ids by ordinal: `box:NAME:STATE` (waiting = not leased) and `box:NAME:leased`, `mail:STATE:TYPE`,
 *   `mail:from:NAME`, `mail:run:RUN`, `mail:correlation:ID`, `mail:unanswered`; by time `mail:leased` and `mail:expiring`;
 *   `mail:settled` by the time of sending, its members with the ordinal before the id, so that equal times keep the order.
 */
export const MAIL_BASE = `
local function mail_row(id)
  local v = redis.call('HMGET', P .. 'message:' .. id, 'o', 'b', 'f', 't', 's', 'r', 'k', 'c', 'e', 'n', 'nb', 'd', 'u', 'at', 'ai')
  if not v[1] then return nil end
  return { id = id, o = tonumber(v[1]), b = v[2], f = v[3], t = v[4], s = v[5], r = v[6] or '', k = v[7], c = v[8], e = tonumber(v[9]),
    n = tonumber(v[10]) or 0, nb = tonumber(v[11]), d = v[12], u = tonumber(v[13]), at = v[14], ai = v[15] }
end
local function mail_scope(name, run)
  if string.sub(name, 1, 2) == 't-' then
    local own = redis.call('HGET', P .. 'task:' .. name, 'run')
    if own then return own, name end
  end
  if run and run ~= '' and redis.call('EXISTS', P .. 'run:' .. run) == 1 then return run, '' end
  return '', ''
end
local function mail_tell(type, id, name, run, at, more)
  local r, t = mail_scope(name, run)
  return append({ type, at, r, t, '', '', '{"id":"' .. id .. '"' .. (more or '') .. '}' })
end
local function mail_no_box(name) refuse('E_NOT_FOUND', 'there is no mailbox ' .. name) end
local function mail_no_message(id) refuse('E_NOT_FOUND', 'there is no message ' .. id) end
local mail_rung, mail_heard = {}, {}
local function mail_ring(name)
  if mail_heard[name] then return end
  mail_heard[name] = true
  mail_rung[#mail_rung + 1] = name
end
local function mail_publish()
  if #mail_rung > 0 then redis.call('PUBLISH', P .. 'arrivals', table.concat(mail_rung, ' ')) end
end
local function mail_release(row)
  redis.call('ZREM', P .. 'box:' .. row.b .. ':leased', row.id)
  redis.call('ZREM', P .. 'mail:leased', row.id)
  redis.call('HDEL', P .. 'message:' .. row.id, 'u')
  redis.call('ZADD', P .. 'box:' .. row.b .. ':waiting', row.o, row.id)
  if row.e then redis.call('ZADD', P .. 'mail:expiring', row.e, row.id) end
  row.u = nil
end
local function mail_old(row) return string.format('%016.0f:', row.o) .. row.id end
local function mail_settle(row, state, ...)
  local id, box = row.id, P .. 'box:' .. row.b .. ':'
  if row.u then
    redis.call('ZREM', box .. 'leased', id)
    redis.call('ZREM', P .. 'mail:leased', id)
  else
    redis.call('ZREM', box .. row.s, id)
    if row.e then redis.call('ZREM', P .. 'mail:expiring', id) end
  end
  redis.call('ZREM', P .. 'mail:' .. row.s .. ':' .. row.t, id)
  redis.call('ZADD', P .. 'mail:' .. state .. ':' .. row.t, row.o, id)
  redis.call('ZADD', box .. state, row.o, id)
  if state ~= 'dead' then redis.call('ZADD', P .. 'mail:settled', row.at, mail_old(row)) end
  if row.u or row.nb then redis.call('HDEL', P .. 'message:' .. id, 'u', 'nb') end
  redis.call('HSET', P .. 'message:' .. id, 's', state, ...)
end
local function mail_count(name, direct, copies)
  if direct ~= 0 then redis.call('HINCRBY', P .. 'box:' .. name, 'direct', direct) end
  if copies ~= 0 then redis.call('HINCRBY', P .. 'box:' .. name, 'copies', copies) end
end
`

/** Whether `reader` may read there, and up to where it is being closed: `mail_reader(name, reader)` gives that ordinal, or 0. */
export const MAIL_READER = `
local function mail_reader(name, reader)
  local v = redis.call('HMGET', P .. 'box:' .. name, 'open', 'reader', 'buryTo')
  if not v[1] then mail_no_box(name) end
  if v[2] ~= reader then
    refuse('E_STALE', reader .. ' is not the reader of ' .. name .. ': that is ' .. (v[2] or 'nobody'))
  end
  return tonumber(v[3]) or 0
end
`

/**
 * waiting ─▶ dead: `mail_bury(row, at, reason)`, with `reason` as JSON. What is in a mailbox that is being closed counts no more.
 */
export const MAIL_BURY = `
local function mail_bury(row, at, reason)
  local over = tonumber(redis.call('HGET', P .. 'box:' .. row.b, 'buryTo')) or 0
  mail_settle(row, 'dead', 're', reason)
  mail_tell('message.dead', row.id, row.b, row.r, at, ',"reason":' .. reason)
  if row.o > over then
    if row.c then mail_count(row.b, 0, -1) else mail_count(row.b, -1, 0) end
  end
  mail_ring(row.b)
end
`

/**
 * Closing: `mail_close(name, at, message)` marks it, takes back what is leased and buries the first of what waits;
 * `mail_bury_rest(name)` buries the next, and gives whether there may be more.
 */
export const MAIL_CLOSE = `
local MAIL_PIECE = 500
local function mail_bury_rest(name)
  local key = P .. 'box:' .. name
  local v = redis.call('HMGET', key, 'buryTo', 'buryAt', 'buryReason')
  if not v[1] then return false, 0 end
  local ids = redis.call('ZRANGEBYSCORE', key .. ':waiting', '-inf', v[1], 'LIMIT', 0, MAIL_PIECE)
  for _, id in ipairs(ids) do
    local row = mail_row(id)
    local state = row.c and 'dropped' or 'dead'
    mail_settle(row, state, 're', v[3])
    mail_tell('message.' .. state, id, name, row.r, v[2], ',"reason":' .. v[3])
    if not row.c then mail_ring(name) end
  end
  if #ids == MAIL_PIECE then return true, #ids end
  redis.call('HDEL', key, 'buryTo', 'buryAt', 'buryReason')
  redis.call('SREM', P .. 'mail:closing', name)
  return false, #ids
end
local function mail_close(name, at, message)
  local key = P .. 'box:' .. name
  if redis.call('HGET', key, 'open') ~= '1' then return false end
  for _, id in ipairs(redis.call('ZRANGE', key .. ':leased', 0, -1)) do mail_release(mail_row(id)) end
  redis.call('HSET', key, 'open', 0, 'direct', 0, 'copies', 0)
  redis.call('HDEL', key, 'hand')
  redis.call('ZREM', P .. 'mail:boxes:open', name)
  if redis.call('EXISTS', key .. ':waiting') == 0 then return false end
  local reason = '{"code":"receiver-gone","message":' .. cjson.encode(message) .. '}'
  redis.call('HSET', key, 'buryTo', redis.call('GET', P .. 'seq'), 'buryAt', at, 'buryReason', reason)
  redis.call('SADD', P .. 'mail:closing', name)
  return (mail_bury_rest(name))
end
`
