/**
 * The queue. A lane (`lane:L`, by priority, then age) holds what is due of one repository with the same needs; `lanes` has each
 * lane by its first task, so that the best task a host may take is the first of the first lane that suits it. What waits for
 * its time is in `delayed`, what a host is about to lease in `reserved`, what comes after others in none.
 */
export const TASK_QUEUE = `
local function lane_add(id, lane, score)
  redis.call('ZADD', P .. 'lane:' .. lane, score, id)
  redis.call('ZADD', P .. 'lanes', 'LT', score, lane)
end
local function lane_left(lane)
  local first = redis.call('ZRANGE', P .. 'lane:' .. lane, 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', P .. 'lanes', first[2], lane)
  else
    redis.call('ZREM', P .. 'lanes', lane)
  end
end
local function enqueue(id, lane, score, due, waits)
  if waits > 0 then return end
  if due > 0 then
    redis.call('ZADD', P .. 'delayed', due, id)
  else
    lane_add(id, lane, score)
  end
end
local function dequeue(id, lane)
  if redis.call('ZREM', P .. 'reserved', id) == 1 then return end
  if redis.call('ZREM', P .. 'delayed', id) == 1 then return end
  if redis.call('ZREM', P .. 'lane:' .. lane, id) == 1 then lane_left(lane) end
end
`

/** `open_gate(id)`: it is accepted; those that waited for it alone are due. Needs TASK_QUEUE. */
export const TASK_GATE = `
local function open_gate(id)
  local dependents = redis.call('SMEMBERS', P .. 'dependents:' .. id)
  if #dependents == 0 then return end
  redis.call('DEL', P .. 'dependents:' .. id)
  for _, other in ipairs(dependents) do
    local key = P .. 'task:' .. other
    local at = redis.call('HMGET', key, 'state', 'lane', 'score', 'due')
    if at[1] and redis.call('HINCRBY', key, 'waits', -1) == 0 and at[1] == 'queued' then
      enqueue(other, at[2], at[3], tonumber(at[4]), 0)
    end
  end
end
`
