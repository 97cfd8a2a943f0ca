/**
 * Of each sender everything up to the newest that is named, in order; what had expired before it was given to the reader was
 * never read. Of very many a piece: then the answer is where the next begins. `mail_acknowledge()`, of A: mailbox,
 * ids, now, after; `over` as mail_reader gives it.
 */
const MAIL_ACKNOWLEDGE = `
local function mail_acknowledge(over)
local PIECE = 1000
local box = P .. 'box:' .. A.mailbox .. ':'
local newest, named, last = {}, {}, 0
for _, id in ipairs(A.ids) do
  local row = mail_row(id)
  if not row then mail_no_message(id) end
  if row.b ~= A.mailbox then refuse('E_NOT_FOUND', 'there is no message ' .. id .. ' in ' .. A.mailbox) end
  named[id] = row
  if row.s == 'waiting' and row.o > over then
    if row.o > (newest[row.f] or 0) then newest[row.f] = row.o end
    if row.o > last then last = row.o end
  end
end
if last == 0 then return end
local from, rest = '(' .. string.format('%.0f', math.max(over, A.after or 0)), nil
local found = {}
local function gather(list, limit)
  local page = redis.call('ZRANGEBYSCORE', box .. list, from, last, 'WITHSCORES', 'LIMIT', 0, PIECE)
  for i = 1, #page, 2 do found[#found + 1] = { page[i], tonumber(page[i + 1]) } end
  if #page == PIECE * 2 then last = tonumber(page[#page]); rest = last end
end
gather('waiting')
gather('leased')
table.sort(found, function(one, other) return one[2] < other[2] end)
local direct, copies = 0, 0
for _, one in ipairs(found) do
  local id = one[1]
  local row = one[2] <= last and (named[id] or mail_row(id))
  if row and row.o <= (newest[row.f] or -1) and (named[id] or row.u or not (row.e and row.e <= A.now)) then
    local given = row.d or A.now
    mail_settle(row, 'acknowledged', 'd', given, 'a', A.now)
    mail_tell('message.read', id, row.b, row.r, A.now, ',"deliveredAt":' .. given)
    if row.c then copies = copies - 1 else direct = direct - 1 end
    if row.nb and row.nb > A.now then mail_ring(row.b) end
  end
end
mail_count(A.mailbox, direct, copies)
return rest and string.format('%.0f', rest)
end
`

export const ACKNOWLEDGE = `${MAIL_ACKNOWLEDGE}
local rest = mail_acknowledge(mail_reader(A.mailbox, A.reader))
mail_publish()
return rest
`

/**
 * Gives what is due, in order: one that waits for its next try holds up those of the same sender behind it. One answer a
 * message: its fields, and the message as it was stored. With `hand`, of who waits, and nothing there at all: notes it, and
 * answers nothing. `ids` are acknowledged before; where the next piece of them begins is all that it answers then. A: mailbox,
 * reader, now, until, limit, again, ids, hand (its token, ms of the lease, its list).
 */
export const LEASE = `${MAIL_ACKNOWLEDGE}
local over = mail_reader(A.mailbox, A.reader)
if A.ids then
  local rest = mail_acknowledge(over)
  mail_publish()
  if rest then return rest end
end
local box = P .. 'box:' .. A.mailbox .. ':'
local out, taken, held = {}, 0, {}
local function take(id, again)
  local flat = redis.call('HGETALL', P .. 'message:' .. id)
  local row = {}
  for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
  local expired = row.e and tonumber(row.e) <= A.now
  if expired or held[row.f] then return end
  if not again then
    if row.nb and tonumber(row.nb) > A.now then
      held[row.f] = true
      return
    end
    redis.call('ZREM', box .. 'waiting', id)
    redis.call('ZADD', box .. 'leased', row.o, id)
    if row.e then redis.call('ZREM', P .. 'mail:expiring', id) end
  end
  taken = taken + 1
  redis.call('HSET', P .. 'message:' .. id, 'd', A.now, 'u', A['until'])
  redis.call('ZADD', P .. 'mail:leased', A['until'], id)
  out[#out + 1] = '[' .. cjson.encode(flat) .. ',' .. redis.call('GET', P .. 'text:' .. id) .. ']'
end
if A.again then
  for first = 0, math.huge, 256 do
    local page = taken < A.limit and redis.call('ZRANGE', box .. 'leased', first, first + 255) or {}
    for _, id in ipairs(page) do
      if taken < A.limit then take(id, true) end
    end
    if #page < 256 then break end
  end
end
local from, size, empty = '(' .. string.format('%.0f', over), math.min(A.limit, 16), A.limit > 0
while taken < A.limit do
  local page = redis.call('ZRANGEBYSCORE', box .. 'waiting', from, '+inf', 'WITHSCORES', 'LIMIT', 0, size)
  if #page > 0 then empty = false end
  for i = 1, #page, 2 do
    if taken < A.limit then take(page[i], false) end
  end
  if #page < size * 2 then break end
  from, size = '(' .. page[#page], 256
end
if A.hand and #out == 0 and over == 0 and empty then
  redis.call('HSET', P .. 'box:' .. A.mailbox, 'hand', A.hand)
  return
end
return '[' .. table.concat(out, ',') .. ']'
`

/** `mail_handed()`: the message that was put into the hand with this token and is still leased, once. Of A: mailbox, token. */
const MAIL_HANDED = `
local function mail_handed()
  local key = P .. 'box:' .. A.mailbox
  local token, id = string.match(redis.call('HGET', key, 'handed') or '', '^(%S+) (%S+)$')
  if token ~= A.token then return end
  redis.call('HDEL', key, 'handed')
  local row = mail_row(id)
  if row and row.s == 'waiting' and row.u then return row end
end
`

/** Puts back what was put into a hand that is gone, unless its reader has it. A: mailbox, token. */
export const GIVE_UP = `${MAIL_HANDED}
local row = mail_handed()
if not row then return end
mail_release(row)
mail_ring(A.mailbox)
mail_publish()
`

/** Takes a hand back: gives the message that was put into it, if one was and is still leased. A: mailbox, token. */
export const WITHDRAW = `${MAIL_HANDED}
local key = P .. 'box:' .. A.mailbox
local hand = redis.call('HGET', key, 'hand')
if hand and string.match(hand, '^%S+') == A.token then redis.call('HDEL', key, 'hand') end
local row = mail_handed()
if not row then return end
local flat = redis.call('HGETALL', P .. 'message:' .. row.id)
local text = redis.call('GET', P .. 'text:' .. row.id)
if text then return '[' .. cjson.encode(flat) .. ',' .. text .. ']' end
`
