/** Needs PLACE. What is wrong with a piece of the journal, and its data as it stands. Input: after, piece, forgotten (a seq). */
export const CHECK_EVENTS = `
local found, texts, last = {}, {}, A.after
local function say(seq, what) found[#found + 1] = 'event ' .. string.format('%.0f', seq) .. ': ' .. what end
local function listed(name, seq)
  local key = P .. 'journal:' .. name
  local there = redis.call('LINDEX', key, place(key, seq))
  if not there or tonumber(there) ~= seq then say(seq, 'the index ' .. name .. ' has it not') end
end
local entries = redis.call('XRANGE', P .. 'journal', string.format('(%.0f-0', A.after), '+', 'COUNT', A.piece)
for _, entry in ipairs(entries) do
  local f, ms, part = entry[2], string.match(entry[1], '^(%d+)%-(%d+)$')
  local seq = tonumber(ms)
  if part ~= '0' or f[1] ~= 'type' or f[14] == nil then
    say(seq, 'it is not readable')
  else
    if not tonumber(f[4]) then say(seq, 'it has no time') end
    if f[14] ~= '' then texts[#texts + 1] = { seq, f[14] } end
    listed('type:' .. f[2], seq)
    if f[6] ~= '' then listed('run:' .. f[6], seq) end
    if f[8] ~= '' then listed('task:' .. f[8], seq) end
    if seq > A.forgotten then
      if f[6] ~= '' and redis.call('EXISTS', P .. 'run:' .. f[6]) == 0 then say(seq, 'it is of a run that does not exist') end
      if f[8] ~= '' and redis.call('EXISTS', P .. 'task:' .. f[8]) == 0 then
        say(seq, 'it is of a task that does not exist')
      elseif f[8] ~= '' and f[10] ~= '' and f[10] ~= '0'
        and redis.call('EXISTS', P .. 'attempt:' .. f[8] .. ':' .. f[10]) == 0 then
        say(seq, 'it is of an attempt that does not exist')
      end
    end
  end
  last = seq
end
local newest = tonumber(redis.call('GET', P .. 'seq') or 0)
if last > newest then found[#found + 1] = 'journal: it goes on to ' .. string.format('%.0f', last) .. ', but counts only up to '
  .. string.format('%.0f', newest) end
return cjson.encode({ found = found, texts = texts, after = last, done = #entries < A.piece })`

/** The last arrow that the journal tells of each task, and the state it is in, at one moment. Input: ids, arrows (a set). */
export const LAST_ARROWS = `
local out = {}
for n, id in ipairs(A.ids) do
  local key, type = P .. 'journal:task:' .. id, ''
  local length = redis.call('LLEN', key)
  for at = 1, math.min(length, 500) do
    local ref = string.format('%.0f-0', tonumber(redis.call('LINDEX', key, -at)))
    local entry = redis.call('XRANGE', P .. 'journal', ref, ref)[1]
    if entry and A.arrows[entry[2][2]] then
      type = entry[2][2]
      break
    end
  end
  out[n] = { id, redis.call('HGET', P .. 'task:' .. id, 'state') or '', type }
end
return cjson.encode(out)`
