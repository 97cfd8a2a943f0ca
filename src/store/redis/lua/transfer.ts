import { ATTEMPT_ROW, TASK_ROW } from './task-row.ts'

/** Whole records as JSON, as dump.ts takes them: `whole_task(id)`, `whole_box(name)`, `whole_message(id)`; false = not there. */
export const WHOLE = `${TASK_ROW}${ATTEMPT_ROW}
local function whole_task(id)
  local row = task_row(id)
  if not row then return false end
  local at, attempts = redis.call('HMGET', P .. 'task:' .. id, 'epoch', 'request'), {}
  for epoch = 1, tonumber(at[1]) do attempts[#attempts + 1] = attempt_row(id, epoch) or nil end
  return '{"row":' .. row .. ',"request":' .. cjson.encode(at[2]) .. ',"attempts":[' .. table.concat(attempts, ',') .. ']}'
end
local function whole_run(id) return redis.call('GET', P .. 'run:' .. id) end
local function whole_box(name)
  local flat = redis.call('HGETALL', P .. 'box:' .. name)
  return #flat > 0 and '[' .. cjson.encode(name) .. ',' .. cjson.encode(flat) .. ']'
end
local function whole_message(id)
  local flat = redis.call('HGETALL', P .. 'message:' .. id)
  return #flat > 0 and '[' .. cjson.encode(flat) .. ',' .. redis.call('GET', P .. 'text:' .. id) .. ']'
end
local function listed(list) return '[' .. table.concat(list, ',') .. ']' end
`

/** Some records of a kind behind a place in its index. Input: index, after, piece, kind. */
export const DUMP = `
local whole = ({ run = whole_run, task = whole_task, box = whole_box, message = whole_message })[A.kind]
local found, after, bytes = {}, false, 0
local rows = redis.call('ZRANGEBYSCORE', P .. A.index, '(' .. A.after, '+inf', 'WITHSCORES', 'LIMIT', 0, A.piece)
for n = 1, #rows, 2 do
  local record = whole(rows[n])
  if record then
    found[#found + 1] = record
    bytes = bytes + #record
  end
  after = rows[n + 1]
  if bytes > 1000000 then break end
end
return '{"found":' .. listed(found) .. ',"after":' .. (after and '"' .. after .. '"' or 'null') .. '}'`

/**
 * Events behind A.after, at most A.piece, and all that they name as it is now: what a copy has to take again. The last piece
 * (\`done\`) is the truth at one moment.
 */
export const CHANGED = `
local entries = redis.call('XRANGE', P .. 'journal', string.format('(%.0f-0', A.after), '+', 'COUNT', A.piece)
local known = { run = {}, task = {}, box = {}, message = {}, pull = {} }
local out = { run = {}, task = {}, box = {}, message = {}, pull = {} }
local whole = { run = whole_run, task = whole_task, box = whole_box, message = whole_message }
local function name(kind, id)
  if not id or id == '' or known[kind][id] then return end
  known[kind][id] = true
  local record = whole[kind](id)
  if record then out[kind][#out[kind] + 1] = record end
end
for _, entry in ipairs(entries) do
  local f = entry[2]
  name('run', f[6])
  name('task', f[8])
  name('box', f[8])
  if string.sub(f[2], 1, 8) == 'message.' and f[14] ~= '' then
    local id = cjson.decode(f[14]).id
    local box = redis.call('HGET', P .. 'message:' .. id, 'b')
    name('box', box)
    name('message', id)
    local at = redis.call('HGET', P .. 'message:' .. id, 'k')
    for _, other in ipairs(at and redis.call('ZRANGE', P .. 'mail:correlation:' .. at, 0, -1) or {}) do
      name('box', redis.call('HGET', P .. 'message:' .. other, 'b'))
      name('message', other)
    end
  elseif string.sub(f[2], 1, 3) == 'pr.' and f[14] ~= '' then
    local data = cjson.decode(f[14])
    local record = redis.call('HGET', P .. 'pulls:' .. data.repo, data.number)
    if record then out.pull[#out.pull + 1] = record end
  end
end
return '{"events":' .. (#entries > 0 and cjson.encode(entries) or '[]') .. ',"run":' .. listed(out.run) .. ',"task":' .. listed(out.task)
  .. ',"box":' .. listed(out.box) .. ',"message":' .. listed(out.message) .. ',"pull":' .. listed(out.pull) .. '}'`

/** Input: runs of { id, requestId, record }. */
export const LOAD_RUNS = `
for _, run in ipairs(A.runs) do
  redis.call('SET', P .. 'run:' .. run.id, run.record)
  redis.call('HSET', P .. 'requests', run.requestId, run.id)
  redis.call('ZADD', P .. 'runs', redis.call('INCR', P .. 'ordinal'), run.id)
end`

/** Tasks as `add_task` takes them, with where they are; attempts as fields of their hashes. Their gates come last (GATES). */
export const LOAD_TASKS = `
for _, task in ipairs(A.tasks) do
  local id, ord = task.id, redis.call('INCR', P .. 'ordinal')
  redis.call('SET', P .. 'spec:' .. id, task.spec)
  redis.call('HSET', P .. 'task:' .. id, 'run', task.run, 'state', task.state, 'epoch', task.epoch, 'host', task.host, 'rev', 0,
    'record', task.record, 'at', task.updatedAt, 'due', task.due, 'ord', ord, 'score', ord - task.priority * 1099511627776,
    'lane', task.lane, 'repo', task.repo, 'parent', task.parent, 'waits', 0, 'profile', task.profile, 'driver', task.driver,
    'request', task.request, 'after', table.concat(task.after, ' '))
  redis.call('ZADD', P .. 'tasks', ord, id)
  redis.call('ZADD', P .. 'tasks:id', 0, id)
  redis.call('ZADD', P .. 'tasks:state:' .. task.state, ord, id)
  redis.call('ZADD', P .. 'tasks:run:' .. task.run, ord, id)
  redis.call('ZADD', P .. 'tasks:repo:' .. task.repo, ord, id)
  if task.parent ~= '' then redis.call('ZADD', P .. 'tasks:parent:' .. task.parent, ord, id) end
  if task.host ~= '' then
    redis.call('ZADD', P .. 'tasks:host:' .. task.host, ord, id)
    redis.call('ZADD', P .. 'leases', task.ends, id)
  end
  if task.request ~= '' then
    local known = redis.call('HGET', P .. 'spawns', task.request)
    redis.call('HSET', P .. 'spawns', task.request, (known and known .. ' ' or '') .. id)
  end
  for _, attempt in ipairs(task.attempts) do
    local name = id .. ':' .. attempt.epoch
    redis.call('HSET', P .. 'attempt:' .. name, unpack(attempt.fields))
    redis.call('ZADD', P .. 'attempts', attempt.at, name)
    redis.call('HSET', P .. 'agents', attempt.agent, id .. ' ' .. attempt.epoch)
  end
end`

/** When all tasks are there: who waits for whom, and the queue. Input: after, piece. Gives the place of the last, or nothing. */
export const GATES = `
local rows = redis.call('ZRANGEBYSCORE', P .. 'tasks', '(' .. A.after, '+inf', 'WITHSCORES', 'LIMIT', 0, A.piece)
for n = 1, #rows, 2 do
  local id = rows[n]
  local at = redis.call('HMGET', P .. 'task:' .. id, 'after', 'state', 'lane', 'score', 'due')
  local waits = 0
  for other in string.gmatch(at[1], '%S+') do
    if redis.call('HGET', P .. 'task:' .. other, 'state') ~= 'accepted' then
      redis.call('SADD', P .. 'dependents:' .. other, id)
      waits = waits + 1
    end
  end
  redis.call('HSET', P .. 'task:' .. id, 'waits', waits)
  if at[2] == 'queued' then enqueue(id, at[3], at[4], tonumber(at[5]), waits) end
end
if #rows > 0 then return '"' .. rows[#rows] .. '"' end`

/** Input: boxes of { name, open, runId ('' = none), fields }. */
export const LOAD_BOXES = `
for _, box in ipairs(A.boxes) do
  local ord = redis.call('INCR', P .. 'mail:boxes:last')
  redis.call('HSET', P .. 'box:' .. box.name, 'ord', ord, 'direct', 0, 'copies', 0, unpack(box.fields))
  redis.call('ZADD', P .. 'mail:boxes', ord, box.name)
  if box.open then redis.call('ZADD', P .. 'mail:boxes:open', ord, box.name) end
  if box.runId ~= '' then redis.call('ZADD', P .. 'mail:boxes:run:' .. box.runId, ord, box.name) end
end`

/** Input: messages of { id, o, to, from, type, state, at, copy, request, text, fields } and r, k, e where there is one. */
export const LOAD_MESSAGES = `
for _, m in ipairs(A.messages) do
  redis.call('HSET', P .. 'message:' .. m.id, unpack(m.fields))
  redis.call('SET', P .. 'text:' .. m.id, m.text)
  redis.call('ZADD', P .. 'box:' .. m.to .. ':' .. m.state, m.o, m.id)
  redis.call('ZADD', P .. 'mail:' .. m.state .. ':' .. m.type, m.o, m.id)
  redis.call('ZADD', P .. 'mail:from:' .. m.from, m.o, m.id)
  if m.r then redis.call('ZADD', P .. 'mail:run:' .. m.r, m.o, m.id) end
  if m.k then redis.call('ZADD', P .. 'mail:correlation:' .. m.k, m.o, m.id) end
  if m.request then redis.call('ZADD', P .. 'mail:unanswered', m.o, m.id) end
  if m.state == 'waiting' then
    if m.e then redis.call('ZADD', P .. 'mail:expiring', m.e, m.id) end
    mail_count(m.to, m.copy and 0 or 1, m.copy and 1 or 0)
  elseif m.state ~= 'dead' then
    redis.call('ZADD', P .. 'mail:settled', m.at, mail_old(m))
  end
end`

/** Input: pulls of { repo, number, head, open, record }, by their number. */
export const LOAD_PULLS = `
for _, pull in ipairs(A.pulls) do
  redis.call('HSET', P .. 'pulls', pull.repo, pull.number)
  redis.call('HSET', P .. 'pulls:' .. pull.repo, pull.number, pull.record)
  if pull.open then redis.call('HSET', P .. 'pulls-open:' .. pull.repo, pull.head, pull.number) end
end`

/** Events with their own seqs, in order. Input: events of { seq, row }. */
export const LOAD_EVENTS = `
for _, it in ipairs(A.events) do
  redis.call('SET', P .. 'seq', string.format('%.0f', it.seq - 1))
  append(it.row)
end`
