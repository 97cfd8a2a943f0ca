/**
 * `check_tasks(tasks)` refuses those that cannot be queued; `add_task(run, task)` queues one, with its event. A task is: id,
 * record, spec (JSON both), at, priority, lane, repo, parent ('' = none), profile, driver, after, event, request ('' = none).
 */
export const ADD_TASK = `
local function check_tasks(tasks)
  local own = {}
  for _, task in ipairs(tasks) do
    if own[task.id] or redis.call('EXISTS', P .. 'task:' .. task.id) == 1 then
      refuse('E_STATE', 'there is a task ' .. task.id .. ' already')
    end
    own[task.id] = true
  end
  for _, task in ipairs(tasks) do
    for _, id in ipairs(task.after) do
      if not own[id] and redis.call('EXISTS', P .. 'task:' .. id) == 0 then
        refuse('E_NOT_FOUND', task.id .. ' comes after ' .. id .. ', which is not there')
      end
    end
  end
end
local function gate(task)
  local waits = 0
  for _, id in ipairs(task.after) do
    if redis.call('HGET', P .. 'task:' .. id, 'state') ~= 'accepted' then
      redis.call('SADD', P .. 'dependents:' .. id, task.id)
      waits = waits + 1
    end
  end
  return waits
end
local function add_task(run, task)
  local id = task.id
  local ord = redis.call('INCR', P .. 'ordinal')
  local score = ord - task.priority * 1099511627776
  local waits = gate(task)
  redis.call('SET', P .. 'spec:' .. id, task.spec)
  redis.call('HSET', P .. 'task:' .. id, 'run', run, 'state', 'queued', 'epoch', 0, 'host', '', 'rev', append(task.event),
    'record', task.record, 'at', task.at, 'due', 0, 'ord', ord, 'score', score, 'lane', task.lane, 'repo', task.repo,
    'parent', task.parent, 'waits', waits, 'profile', task.profile, 'driver', task.driver, 'request', task.request,
    'after', table.concat(task.after, ' '))
  redis.call('ZADD', P .. 'tasks', ord, id)
  redis.call('ZADD', P .. 'tasks:id', 0, id)
  redis.call('ZADD', P .. 'tasks:state:queued', ord, id)
  redis.call('ZADD', P .. 'tasks:run:' .. run, ord, id)
  redis.call('ZADD', P .. 'tasks:repo:' .. task.repo, ord, id)
  if task.parent ~= '' then redis.call('ZADD', P .. 'tasks:parent:' .. task.parent, ord, id) end
  enqueue(id, task.lane, score, 0, waits)
end
`

/** Input: run, requestId, record, event, tasks; `fault`: why they would never be due. Gives the run that is there, if one is. */
export const SUBMIT_RUN = `
local there = redis.call('HGET', P .. 'requests', A.requestId)
if there then return cjson.encode(there) end
if A.fault then refuse('E_INVALID', A.fault) end
if redis.call('EXISTS', P .. 'run:' .. A.run) == 1 then
  refuse('E_STATE', 'there is a run ' .. A.run .. ' already')
end
check_tasks(A.tasks)
redis.call('SET', P .. 'run:' .. A.run, A.record)
redis.call('HSET', P .. 'requests', A.requestId, A.run)
redis.call('ZADD', P .. 'runs', redis.call('INCR', P .. 'ordinal'), A.run)
append(A.event)
for _, task in ipairs(A.tasks) do add_task(A.run, task) end
`

/** What is there before a task makes others: `{task, known (ids), own, run}`. Input: id, requestId. */
export const BEFORE_SPAWN = `
local row = task_row(A.id)
if not row then return end
local run = redis.call('HGET', P .. 'task:' .. A.id, 'run')
local known = redis.call('HGET', P .. 'spawns', A.requestId) or ''
return '{"task":' .. row .. ',"known":' .. cjson.encode(known)
  .. ',"own":' .. redis.call('ZCARD', P .. 'tasks:parent:' .. A.id)
  .. ',"run":' .. redis.call('ZCARD', P .. 'tasks:run:' .. run) .. '}'
`

/**
 * Queues what a task makes if all is as it was: `"again"` when not. Input: id, rev, requestId, own, inRun, tasks, ids; `fault`.
 */
export const SPAWN_TASKS = `
local at = redis.call('HMGET', P .. 'task:' .. A.id, 'rev', 'run')
if at[1] ~= A.rev or redis.call('HEXISTS', P .. 'spawns', A.requestId) == 1
  or redis.call('ZCARD', P .. 'tasks:parent:' .. A.id) ~= A.own
  or redis.call('ZCARD', P .. 'tasks:run:' .. at[2]) ~= A.inRun then
  return '"again"'
end
if A.fault then refuse('E_INVALID', A.fault) end
check_tasks(A.tasks)
if A.ids ~= '' then redis.call('HSET', P .. 'spawns', A.requestId, A.ids) end
for _, task in ipairs(A.tasks) do add_task(at[2], task) end
return '"done"'
`
