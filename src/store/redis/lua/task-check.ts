/**
 * What is wrong with these tasks, as sentences: record, indexes, lease, attempt and place in the queue have to agree.
 * Input: ids. Their records are read by the caller; here is what only one moment can show.
 */
export const CHECK_TASKS = `
local HELD = { leased = true, working = true, waiting = true, reported = true, verified = true }
local findings = {}
local function say(id, what) findings[#findings + 1] = 'task ' .. id .. ': ' .. what end
local function has(key, id) return redis.call('ZSCORE', P .. key, id) and true or false end
local function queued_places(id, lane)
  local places = 0
  for _, key in ipairs({ 'delayed', 'reserved', 'lane:' .. lane }) do
    if has(key, id) then places = places + 1 end
  end
  return places
end
local function check(id)
  local names = { 'state', 'host', 'epoch', 'run', 'repo', 'ord', 'waits', 'lane', 'score', 'record', 'due', 'parent' }
  local at = redis.call('HMGET', P .. 'task:' .. id, unpack(names))
  for n, name in ipairs(names) do
    if not at[n] then return say(id, 'it has no ' .. name) end
  end
  local state, host, epoch = at[1], at[2], at[3]
  if redis.call('EXISTS', P .. 'spec:' .. id) == 0 then say(id, 'what was asked is not there') end
  if redis.call('EXISTS', P .. 'run:' .. at[4]) == 0 then say(id, 'its run is not there') end
  local indexes = { 'tasks:id', 'tasks:state:' .. state, 'tasks:run:' .. at[4], 'tasks:repo:' .. at[5] }
  if at[12] ~= '' then indexes[#indexes + 1] = 'tasks:parent:' .. at[12] end
  if host ~= '' then indexes[#indexes + 1] = 'tasks:host:' .. host end
  for _, key in ipairs(indexes) do
    if not has(key, id) then say(id, 'it is missing from ' .. key) end
  end
  if (HELD[state] or false) ~= (host ~= '') then say(id, state .. ', held by "' .. host .. '"') end
  if has('leases', id) ~= (host ~= '') then say(id, 'its lease is not that of its state') end
  for number = 1, tonumber(epoch) do
    local attempt = redis.call('HMGET', P .. 'attempt:' .. id .. ':' .. number, 'agent', 'endedAt', 'outcome')
    if not attempt[1] then
      say(id, 'attempt ' .. number .. ' is not recorded')
    elseif (attempt[2] and true or false) == (host ~= '' and number == tonumber(epoch)) then
      say(id, 'attempt ' .. number .. (attempt[2] and ' has ended' or ' has not ended'))
    elseif (attempt[2] and true or false) ~= (attempt[3] and true or false) then
      say(id, 'attempt ' .. number .. ' has an end without an outcome, or an outcome without an end')
    end
  end
  local waits = tonumber(at[7])
  local wanted = state == 'queued' and waits == 0 and 1 or 0
  if queued_places(id, at[8]) ~= wanted then say(id, state .. ', but ' .. queued_places(id, at[8]) .. ' times in the queue') end
  local lane = P .. 'lane:' .. at[8]
  local first = redis.call('ZRANGE', lane, 0, 0, 'WITHSCORES')
  if first[2] and redis.call('ZSCORE', P .. 'lanes', at[8]) ~= first[2] then say(id, 'its lane is not where its first task is') end
end
for _, id in ipairs(A.ids) do check(id) end
if #findings == 0 then return '[]' end
return cjson.encode(findings)
`
