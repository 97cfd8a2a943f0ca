/**
 * `task_forget(id)`: all of a task that has ended, but its events and its mailbox; `run_forget(id)`: a run, after its tasks.
 * What still waits for it (`dependents:ID` is there) would never be due: such a task is not to be forgotten.
 */
export const TASK_FORGET = `
local function task_forget(id)
  local key = P .. 'task:' .. id
  local at = redis.call('HMGET', key, 'run', 'state', 'repo', 'parent', 'epoch', 'request', 'after')
  if not at[1] then return end
  for epoch = 1, tonumber(at[5]) do
    local attempt = P .. 'attempt:' .. id .. ':' .. epoch
    local agent = redis.call('HGET', attempt, 'agent')
    if agent then redis.call('HDEL', P .. 'agents', agent) end
    redis.call('ZREM', P .. 'attempts', id .. ':' .. epoch)
    redis.call('DEL', attempt)
  end
  if at[6] ~= '' then redis.call('HDEL', P .. 'spawns', at[6]) end
  for other in string.gmatch(at[7] or '', '%S+') do redis.call('SREM', P .. 'dependents:' .. other, id) end
  redis.call('ZREM', P .. 'tasks', id)
  redis.call('ZREM', P .. 'tasks:id', id)
  redis.call('ZREM', P .. 'tasks:state:' .. at[2], id)
  redis.call('ZREM', P .. 'tasks:run:' .. at[1], id)
  redis.call('ZREM', P .. 'tasks:repo:' .. at[3], id)
  if at[4] ~= '' then redis.call('ZREM', P .. 'tasks:parent:' .. at[4], id) end
  redis.call('DEL', key, P .. 'spec:' .. id, P .. 'dependents:' .. id)
end
local function run_forget(id)
  local record = redis.call('GET', P .. 'run:' .. id)
  if not record then return end
  redis.call('HDEL', P .. 'requests', cjson.decode(record).requestId)
  redis.call('ZREM', P .. 'runs', id)
  redis.call('DEL', P .. 'run:' .. id, P .. 'tasks:run:' .. id)
end
`
