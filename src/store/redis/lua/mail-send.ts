/** `mail_note(m)`: notes an answer at the request that was asked of its sender, or what `orch` answers at those nobody else will. */
const NOTE = `
local function mail_unreached(v)
  if v[5] == 'dead' or v[5] == 'dropped' then return true end
  if v[6] and tonumber(v[6]) <= A.now then return true end
  return redis.call('HGET', P .. 'box:' .. v[3], 'open') == '0'
end
local function mail_note(m)
  local open, lost = {}, {}
  for _, id in ipairs(redis.call('ZRANGE', P .. 'mail:correlation:' .. m.k, 0, -1)) do
    local v = redis.call('HMGET', P .. 'message:' .. id, 't', 'f', 'b', 'ai', 's', 'e')
    if v[1] == m.answers and v[2] == m.to and not v[4] then
      if m.from == A.orch then
        open[#open + 1] = id
        if mail_unreached(v) then lost[#lost + 1] = id end
      elseif v[3] == m.from then
        open[#open + 1] = id
      end
    end
  end
  for _, id in ipairs(#lost > 0 and lost or open) do
    redis.call('HSET', P .. 'message:' .. id, 'ai', m.id, 'aa', A.now)
    redis.call('ZREM', P .. 'mail:unanswered', id)
  end
end
`

/** `mail_room(name)`: the mailbox as it will be when what was placed there before in this script is in it; `mail_fill()` writes that. */
const ROOM = `
local mail_rooms = {}
local function mail_room(name)
  if mail_rooms[name] then return mail_rooms[name] end
  local v = redis.call('HMGET', P .. 'box:' .. name, 'open', 'capacity', 'direct', 'copies', 'runId', 'hand')
  if not v[1] then mail_no_box(name) end
  local room = { open = v[1] == '1', capacity = tonumber(v[2]), direct = tonumber(v[3]), copies = tonumber(v[4]), run = v[5] or '',
    hand = v[6] ~= '' and v[6], change = {} }
  room.waiting = room.direct + room.copies
  room.empty = room.waiting == 0
  mail_rooms[name] = room
  return room
end
local function mail_place(room, copy)
  local kind = copy and 'copies' or 'direct'
  room.waiting = room.waiting + 1
  room[kind] = room[kind] + 1
  room.change[kind] = room[kind]
end
local function mail_fill()
  for name, room in pairs(mail_rooms) do
    local fields = {}
    for field, value in pairs(room.change) do
      fields[#fields + 1] = field
      fields[#fields + 1] = value
    end
    if #fields > 0 then redis.call('HSET', P .. 'box:' .. name, unpack(fields)) end
  end
end
local function mail_shut(name) return 'nobody reads ' .. name .. ' any more: it is closed' end
local function mail_full(name, room)
  return cjson.encode({ full = { name, room.waiting, room.capacity } })
end
`

/**
 * `mail_hand(m, fields)`: leases it to the reader that waits with its hand held out, if it is the first there and the
 * reader's host listens; true when it did. What is long goes the usual way: it would be twice in memory.
 */
const HAND = `
local function mail_hand(m, fields)
  local room = mail_rooms[m.to]
  if not room.hand or #m.text > 65536 or (m.e and m.e <= A.now) then return false end
  if not room.empty and redis.call('EXISTS', P .. 'box:' .. m.to .. ':waiting') == 1 then return false end
  local token, ms, list = string.match(room.hand, '^(%S+) (%d+) (%S+)$')
  room.hand, room.change.hand = false, ''
  if redis.call('PUBSUB', 'NUMSUB', list)[2] == 0 then return false end
  local till = A.now + ms
  local flat = { 'd', A.now, 'u', till, unpack(fields) }
  redis.call('RPUSH', list, token .. ' [' .. cjson.encode(flat) .. ',' .. m.text .. ']')
  redis.call('PEXPIRE', list, 60000)
  room.change.handed = token .. ' ' .. m.id
  redis.call('ZADD', P .. 'mail:leased', till, m.id)
  for i = 1, 4 do fields[#fields + 1] = flat[i] end
  return true
end
`

/**
 * All or none: looks at everything first. The message as JSON (`text`) is stored and told as it is.
 * A: now, orch (the name), messages of { id, to, from, type, text, r, k, e, copy, request, answers }.
 */
export const SEND = `${NOTE}${ROOM}${HAND}
local created, known = {}, {}
for i, m in ipairs(A.messages) do
  m.new = not known[m.id] and redis.call('EXISTS', P .. 'message:' .. m.id) == 0
  known[m.id] = true
  created[i] = m.new and 'true' or 'false'
  if m.new then
    local room = mail_room(m.to)
    if not room.open then
      if not m.copy then refuse('E_STATE', mail_shut(m.to)) end
      m.lost = { 'receiver-gone', mail_shut(m.to) }
    elseif room.waiting >= room.capacity then
      if not m.copy then return mail_full(m.to, room) end
      m.lost = { 'mailbox-full', 'the mailbox ' .. m.to .. ' is full: ' .. room.waiting .. ' messages wait there' }
    else
      mail_place(room, m.copy)
    end
  end
end
for _, m in ipairs(A.messages) do
  if m.new then
    local run, reason = m.r or mail_rooms[m.to].run, nil
    local r, t = mail_scope(m.from, run)
    local o = append({ 'message.sent', A.now, r, t, '', '', m.text })
    local state = m.lost and 'dropped' or 'waiting'
    local fields = { 'o', o, 'b', m.to, 'f', m.from, 't', m.type, 's', state, 'at', A.now }
    local function field(name, value)
      if not value or value == '' then return end
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
    if m.lost then reason = cjson.encode({ code = m.lost[1], message = m.lost[2] }) end
    field('r', run)
    field('k', m.k)
    field('c', m.copy and '1')
    field('e', m.e)
    field('re', reason)
    local handed = not m.lost and mail_hand(m, fields)
    if not handed then mail_rooms[m.to].empty = false end
    redis.call('HSET', P .. 'message:' .. m.id, unpack(fields))
    redis.call('SET', P .. 'text:' .. m.id, m.text)
    redis.call('ZADD', P .. 'box:' .. m.to .. ':' .. (handed and 'leased' or state), o, m.id)
    redis.call('ZADD', P .. 'mail:' .. state .. ':' .. m.type, o, m.id)
    redis.call('ZADD', P .. 'mail:from:' .. m.from, o, m.id)
    if run ~= '' then redis.call('ZADD', P .. 'mail:run:' .. run, o, m.id) end
    if m.k then redis.call('ZADD', P .. 'mail:correlation:' .. m.k, o, m.id) end
    if m.request then redis.call('ZADD', P .. 'mail:unanswered', o, m.id) end
    if m.answers then mail_note(m) end
    if m.lost then
      redis.call('ZADD', P .. 'mail:settled', A.now, mail_old({ o = o, id = m.id }))
      mail_tell('message.dropped', m.id, m.to, run, A.now, ',"reason":' .. reason)
    else
      if m.e and not handed then redis.call('ZADD', P .. 'mail:expiring', m.e, m.id) end
      if not handed then mail_ring(m.to) end
    end
  end
end
mail_fill()
mail_publish()
return '[' .. table.concat(created, ',') .. ']'
`

/** `mail_dead(ids)`: their rows, each once. Refuses unless all are dead. */
export const MAIL_DEAD = `
local function mail_dead(ids)
  local rows, known = {}, {}
  for _, id in ipairs(ids) do
    if not known[id] then
      known[id] = true
      local row = mail_row(id)
      if not row then mail_no_message(id) end
      if row.s ~= 'dead' then refuse('E_STATE', 'the message ' .. id .. ' is ' .. row.s .. ', not dead') end
      rows[#rows + 1] = row
    end
  end
  return rows
end
`

/** dead ─▶ waiting, behind all others, all or none. What had expired would be buried again at once. A: ids, now. */
export const REDRIVE = `${MAIL_DEAD}${ROOM}
local rows = mail_dead(A.ids)
for _, row in ipairs(rows) do
  local room = mail_room(row.b)
  if not room.open then refuse('E_STATE', mail_shut(row.b)) end
  if room.waiting >= room.capacity then return mail_full(row.b, room) end
  mail_place(room, row.c)
end
for _, row in ipairs(rows) do
  local key, box = P .. 'message:' .. row.id, P .. 'box:' .. row.b .. ':'
  local o = mail_tell('message.redriven', row.id, row.b, row.r, A.now)
  local function move(index) redis.call('ZADD', P .. index, o, row.id) end
  redis.call('ZREM', box .. 'dead', row.id)
  redis.call('ZREM', P .. 'mail:dead:' .. row.t, row.id)
  redis.call('ZADD', box .. 'waiting', o, row.id)
  move('mail:waiting:' .. row.t)
  move('mail:from:' .. row.f)
  if row.r ~= '' then move('mail:run:' .. row.r) end
  if row.k then move('mail:correlation:' .. row.k) end
  redis.call('ZADD', P .. 'mail:unanswered', 'XX', o, row.id)
  redis.call('HDEL', key, 'n', 'nb', 're')
  redis.call('HSET', key, 'o', o, 's', 'waiting')
  if row.e and row.e > A.now then redis.call('ZADD', P .. 'mail:expiring', row.e, row.id)
  elseif row.e then redis.call('HDEL', key, 'e') end
  mail_ring(row.b)
end
mail_fill()
mail_publish()
`
