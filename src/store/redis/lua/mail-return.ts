/**
 * `mail_put_back(name, ended, code, text)` ends leases of a mailbox, with those behind them: the first of each sender has used
 * up a try. `ended(row)` tells which; `text` is what its reason says, escaped as in JSON. A: now, tries, and `times[n]`, when
 * one that came back n times may be given again.
 */
const PUT_BACK = `
local returned, buried = 0, 0
local function mail_wait_or_die(row, code, text)
  local n = row.n + 1
  if n >= A.tries or not A.times[n] then
    mail_bury(row, A.now, '{"code":"undeliverable","message":"given to its reader ' .. n .. ' times, last: ' .. text .. '"}')
    return false
  end
  local reason = '{"code":' .. code .. ',"message":"' .. text .. '"}'
  redis.call('HSET', P .. 'message:' .. row.id, 'n', n, 'nb', A.times[n], 're', reason)
  local more = ',"reason":' .. reason .. ',"returns":' .. n .. ',"notBefore":' .. A.times[n]
  mail_tell('message.returned', row.id, row.b, row.r, A.now, more)
  mail_ring(row.b)
  return true
end
local function mail_put_back(name, ended, code, text)
  local rows, firsts, order = {}, {}, {}
  for i, id in ipairs(redis.call('ZRANGE', P .. 'box:' .. name .. ':leased', 0, -1)) do
    local row = mail_row(id)
    rows[i] = row
    if ended(row) and not firsts[row.f] then
      firsts[row.f] = row
      order[#order + 1] = row
    end
  end
  for _, row in ipairs(rows) do
    local first = firsts[row.f]
    if first and row.o >= first.o then
      mail_release(row)
      returned = returned + 1
    end
  end
  for _, first in ipairs(order) do
    if not mail_wait_or_die(first, code, text) then
      returned = returned - 1
      buried = buried + 1
    end
  end
end
`

/** A: mailbox, reader, ids, code (JSON), text, and what PUT_BACK needs. */
export const GIVE_BACK = `${PUT_BACK}
mail_reader(A.mailbox, A.reader)
local named = {}
for _, id in ipairs(A.ids) do named[id] = true end
mail_put_back(A.mailbox, function(row) return named[row.id] end, A.code, A.text)
mail_publish()
`

/**
 * A piece of what is over: mailboxes that are being closed, leases that ended by themselves (a mailbox as a whole, so that the
 * first of each sender is known), and messages that nobody may read any more. Tells whether there is more. A: as PUT_BACK.
 */
export const EXPIRE = `${PUT_BACK}
local more = false
local closing = redis.call('SRANDMEMBER', P .. 'mail:closing')
if closing then
  local _, count = mail_bury_rest(closing)
  buried = buried + count
  more = true
end
local boxes = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'mail:leased', '-inf', A.now, 'LIMIT', 0, 50)) do
  local name = redis.call('HGET', P .. 'message:' .. id, 'b')
  if not boxes[name] then
    boxes[name] = true
    more = true
    local text = (redis.call('HGET', P .. 'box:' .. name, 'reader') or 'nobody') .. ' did not acknowledge it in time'
    local ended = function(row) return row.u <= A.now end
    mail_put_back(name, ended, '"lease-expired"', string.sub(cjson.encode(text), 2, -2))
  end
end
local late = redis.call('ZRANGEBYSCORE', P .. 'mail:expiring', '-inf', A.now, 'LIMIT', 0, MAIL_PIECE)
for _, id in ipairs(late) do
  mail_bury(mail_row(id), A.now, '{"code":"expired","message":"it was not read before it expired"}')
  buried = buried + 1
end
if #late == MAIL_PIECE then more = true end
mail_publish()
return cjson.encode({ returned = returned, buried = buried, more = more })
`
