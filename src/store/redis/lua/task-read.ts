/** Reading tasks, in bounded pieces. */

/** Input: ids. */
export const LOOK_AT_TASKS = `return task_rows(A.ids)`

/**
 * A piece of a list, newest first: `{rows, next}`; next = '' at the end. Looks through the smallest index that holds all.
 * Input: states (false = all), run, repo, host, parent ('' = any), before (ordinal, exclusive, or '+inf'), piece, limit.
 */
export const LIST_TASKS = `
local best, size = { 'tasks' }, redis.call('ZCARD', P .. 'tasks')
local function consider(keys)
  local sum = 0
  for _, key in ipairs(keys) do sum = sum + redis.call('ZCARD', P .. key) end
  if sum < size then best, size = keys, sum end
end
for _, name in ipairs({ 'run', 'repo', 'host', 'parent' }) do
  if A[name] ~= '' then consider({ 'tasks:' .. name .. ':' .. A[name] }) end
end
local wanted
if A.states then
  local keys = {}
  wanted = {}
  for n, state in ipairs(A.states) do
    keys[n] = 'tasks:state:' .. state
    wanted[state] = true
  end
  consider(keys)
end
local found = {}
for _, key in ipairs(best) do
  local part = redis.call('ZREVRANGEBYSCORE', P .. key, A.before, '-inf', 'WITHSCORES', 'LIMIT', 0, A.piece)
  for n = 1, #part, 2 do found[#found + 1] = { part[n], tonumber(part[n + 1]) } end
end
table.sort(found, function(one, other) return one[2] > other[2] end)
local rows, last = {}, nil
local all = #found < A.piece
for n = 1, math.min(#found, A.piece) do
  local id = found[n][1]
  last = found[n][2]
  local at = redis.call('HMGET', P .. 'task:' .. id, 'state', 'run', 'repo', 'host', 'parent')
  if (not wanted or wanted[at[1]]) and (A.run == '' or at[2] == A.run) and (A.repo == '' or at[3] == A.repo)
    and (A.host == '' or at[4] == A.host) and (A.parent == '' or at[5] == A.parent) then
    rows[#rows + 1] = task_row(id)
    if #rows == A.limit then
      all = n == #found and all
      break
    end
  end
end
if all then last = nil end
return '{"next":"' .. (last and string.format('(%d', last) or '') .. '","rows":[' .. table.concat(rows, ',') .. ']}'
`

/** How many are in each of the states, in their order. Input: states. */
export const COUNT_TASKS = `
local counts = {}
for n, state in ipairs(A.states) do counts[n] = redis.call('ZCARD', P .. 'tasks:state:' .. state) end
return cjson.encode(counts)
`

/** When the next is due: 0 = now, null = none. */
export const NEXT_DUE = `
local hold = redis.call('GET', P .. 'hold') or '0'
if redis.call('ZCARD', P .. 'lanes') > 0 then return hold end
local due
for _, name in ipairs({ 'delayed', 'reserved' }) do
  local first = redis.call('ZRANGE', P .. name, 0, 0, 'WITHSCORES')
  if first[2] and (not due or tonumber(first[2]) < tonumber(due)) then due = first[2] end
end
if not due then return 'null' end
return tonumber(hold) > tonumber(due) and hold or due
`

/** All of a task, oldest first. Input: id. */
export const ATTEMPTS_OF = `
local last = redis.call('HGET', P .. 'task:' .. A.id, 'epoch')
local rows = {}
for epoch = 1, last and tonumber(last) or 0 do
  local row = attempt_row(A.id, epoch)
  if row then rows[#rows + 1] = row end
end
return '[' .. table.concat(rows, ',') .. ']'
`

/**
 * What sums are made of, of these attempts (`TASK:EPOCH`): `[attempt, profile, driver, ordinal]`. Input: attempts; run ('' = any).
 */
export const USED_BY = `
local rows = {}
for _, name in ipairs(A.attempts) do
  local id, epoch = string.match(name, '^(.*):(%d+)$')
  local at = redis.call('HMGET', P .. 'task:' .. id, 'run', 'profile', 'driver', 'ord')
  if at[1] and (A.run == '' or at[1] == A.run) then
    local row = attempt_row(id, epoch)
    if row then
      rows[#rows + 1] = '[' .. row .. ',' .. cjson.encode(at[2]) .. ',' .. cjson.encode(at[3]) .. ',' .. at[4] .. ']'
    end
  end
end
return '[' .. table.concat(rows, ',') .. ']'
`
