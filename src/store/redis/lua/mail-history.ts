/** A: id. Its fields, and the message as it was stored. */
export const GET = `
local flat = redis.call('HGETALL', P .. 'message:' .. A.id)
if #flat > 0 then return '[' .. cjson.encode(flat) .. ',' .. redis.call('GET', P .. 'text:' .. A.id) .. ']' end
`

/**
 * A piece of the history, and where the next begins. Each of `covers` is a list of indexes in which everything that is wanted
 * must be; the ones with the fewest entries are walked, merged in the order of messages, and the rest is asked of each message.
 * A: covers, after, limit, newest, and what is wanted: types, states (sets), run, box, correlation, unanswered.
 */
export const HISTORY = `
local PAGE, MOST_LOOKS, MOST_BYTES = 64, 2000, 1048576
local cover, least
for _, keys in ipairs(A.covers) do
  local sum = 0
  for _, key in ipairs(keys) do sum = sum + redis.call('ZCARD', P .. key) end
  if not least or sum < least then cover, least = keys, sum end
end
local function fill(walk)
  if A.newest then
    walk.page = redis.call('ZREVRANGEBYSCORE', walk.key, walk.from, '-inf', 'WITHSCORES', 'LIMIT', 0, PAGE)
  else
    walk.page = redis.call('ZRANGEBYSCORE', walk.key, walk.from, '+inf', 'WITHSCORES', 'LIMIT', 0, PAGE)
  end
  walk.at = 1
  if #walk.page > 0 then walk.from = '(' .. walk.page[#walk.page] end
end
local walks = {}
for _, key in ipairs(cover) do
  local walk = { key = P .. key, from = A.after and '(' .. A.after or (A.newest and '+inf' or '-inf') }
  fill(walk)
  if #walk.page > 0 then walks[#walks + 1] = walk end
end
local function next_id()
  local best, place
  for _, walk in ipairs(walks) do
    local o = tonumber(walk.page[walk.at + 1])
    if o and (not place or (A.newest and o > place) or (not A.newest and o < place)) then best, place = walk, o end
  end
  if not best then return nil end
  local id = best.page[best.at]
  best.at = best.at + 2
  if best.at > #best.page and #best.page == PAGE * 2 then fill(best) end
  return id, place
end
local function wanted(row)
  if A.types and not A.types[row.t] then return false end
  if A.states and not A.states[row.s] then return false end
  if A.run and row.r ~= A.run then return false end
  if A.correlation and row.k ~= A.correlation then return false end
  if A.box and row.b ~= A.box and row.f ~= A.box then return false end
  return not (A.unanswered and row.ai)
end
local out, looks, bytes, seen, rest = {}, 0, 0, nil, ''
while #out < A.limit do
  local id, place = next_id()
  if not id then break end
  if place ~= seen then
    seen, looks = place, looks + 1
    local flat = redis.call('HGETALL', P .. 'message:' .. id)
    local row = {}
    for i = 1, #flat, 2 do row[flat[i]] = flat[i + 1] end
    if row.o and wanted(row) then
      local text = '[' .. cjson.encode(flat) .. ',' .. redis.call('GET', P .. 'text:' .. id) .. ']'
      out[#out + 1] = text
      bytes = bytes + #text
    end
    if looks >= MOST_LOOKS or bytes >= MOST_BYTES then
      rest = string.format(',"after":"%.0f"', place)
      break
    end
  end
end
return '{"found":[' .. table.concat(out, ',') .. ']' .. rest .. '}'
`

/** How many mailboxes are open, and how many messages are in each of `A.indexes`. */
export const STATISTICS = `
local counts = {}
for i, key in ipairs(A.indexes) do counts[i] = redis.call('ZCARD', P .. key) end
return '{"mailboxes":' .. redis.call('ZCARD', P .. 'mail:boxes:open') .. ',"counts":[' .. table.concat(counts, ',') .. ']}'
`
