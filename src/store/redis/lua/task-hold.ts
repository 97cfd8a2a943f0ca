/** What a host does with what it holds. */

/** Moves the end of all leases of a host; gives its tasks, oldest first. Input: host, ends. */
export const RENEW_LEASES = `
local ids = redis.call('ZRANGE', P .. 'tasks:host:' .. A.host, 0, -1)
if #ids == 0 then return '[]' end
for _, id in ipairs(ids) do redis.call('ZADD', P .. 'leases', A.ends, id) end
return cjson.encode(ids)
`

/** Tasks of other hosts whose lease ended before `now`, at most `limit`. Input: host, now, limit. */
export const LAPSED_TASKS = `
if A.now < tonumber(redis.call('GET', P .. 'hold') or 0) then return '[]' end
local rows, from = {}, 0
while #rows < A.limit do
  local ids = redis.call('ZRANGEBYSCORE', P .. 'leases', '-inf', '(' .. string.format('%.17g', A.now), 'LIMIT', from, 200)
  for _, id in ipairs(ids) do
    if #rows < A.limit and redis.call('HGET', P .. 'task:' .. id, 'host') ~= A.host then rows[#rows + 1] = task_row(id) end
  end
  if #ids < 200 then break end
  from = from + 200
end
return '[' .. table.concat(rows, ',') .. ']'
`

/** `expect_held(fence)` (id, epoch, host) refuses when the task is not that attempt's any more. Without a fence all may. */
export const EXPECT_HELD = `
local function expect_held(fence)
  if not fence then return end
  local at = redis.call('HMGET', P .. 'task:' .. fence.id, 'epoch', 'host', 'state')
  if not at[1] then refuse('E_NOT_FOUND', 'there is no task ' .. fence.id) end
  if at[2] ~= '' and at[2] == fence.host and at[1] == fence.epoch then return end
  local owner = at[2] and at[2] ~= '' and 'attempt ' .. at[1] .. ' on ' .. at[2] or 'nobody (' .. tostring(at[3]) .. ')'
  refuse('E_STALE', 'attempt ' .. fence.epoch .. ' of ' .. fence.id .. ' is over: the task belongs to ' .. owner)
end
`

/**
 * Notes what became known of an attempt, and its events as those of the attempt. `"none"`, `"stale"`: not this writer's.
 * Input: id, epoch, host, fields (name and JSON in turn), gone (names), events (rows, without run, epoch and agent).
 */
export const NOTE_PROGRESS = `
local at = redis.call('HMGET', P .. 'task:' .. A.id, 'epoch', 'host', 'run')
if not at[1] then return '"none"' end
if at[2] == '' or at[2] ~= A.host or at[1] ~= A.epoch then return '"stale"' end
local key = P .. 'attempt:' .. A.id .. ':' .. A.epoch
if #A.fields > 0 then redis.call('HSET', key, unpack(A.fields)) end
if #A.gone > 0 then redis.call('HDEL', key, unpack(A.gone)) end
if #A.events > 0 then
  local agent = redis.call('HGET', key, 'agent')
  for _, event in ipairs(A.events) do
    event[3], event[4], event[5], event[6] = at[3], A.id, A.epoch, agent
    append(event)
  end
end
return attempt_row(A.id, A.epoch)
`
