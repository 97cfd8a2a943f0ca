import { FINAL_STATES } from '../../../task/task.ts'

/** `is_open(task)`: it has not ended. One that is not there has. */
export const IS_OPEN = `
local FINAL = { ${FINAL_STATES.map((state) => `${state} = true`).join(', ')} }
local function is_open(task)
  local state = redis.call('HGET', P .. 'task:' .. task, 'state')
  return state and not FINAL[state]
end
`

/** `place(key, seq)`: where in that index the first seq is that is not lower. */
export const PLACE = `
local function place(key, seq)
  local low, high = 0, redis.call('LLEN', key)
  if high > 0 and tonumber(redis.call('LINDEX', key, -1)) < seq then return high end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', key, middle)) < seq then low = middle + 1 else high = middle end
  end
  return low
end
`

/**
 * Looks at a piece of the journal behind A.after: which is the last event that goes? Input: after, upTo, beyond (how many are
 * too many), before, piece.
 */
export const CUT = `
local cut, beyond, seq = 0, A.beyond, A.after
local entries = redis.call('XRANGE', P .. 'journal', string.format('(%.0f-0', A.after), string.format('%.0f-0', A.upTo),
  'COUNT', A.piece)
local done = #entries < A.piece
for _, entry in ipairs(entries) do
  local fields = entry[2]
  if beyond <= 0 and tonumber(fields[4]) >= A.before then
    done = true
    break
  end
  beyond = beyond - 1
  seq = tonumber(string.match(entry[1], '%d+'))
  if fields[2] ~= 'store.pruned' and (fields[8] == '' or not is_open(fields[8])) then cut = seq end
end
return cjson.encode({ cut = cut, beyond = beyond, after = seq, done = done })`

/**
 * Forgets the events of a piece, but those of open tasks, and takes them out of the indexes: each has what is gone as a run
 * of neighbours, apart from those that stay; they are emptied in their places and removed in one go. Input: after, upTo, piece.
 */
export const THIN = `
local entries = redis.call('XRANGE', P .. 'journal', string.format('(%.0f-0', A.after), string.format('%.0f-0', A.upTo),
  'COUNT', A.piece)
if #entries == 0 then return '{"gone":0,"after":' .. string.format('%.0f', A.upTo) .. '}' end
local gone, lists = {}, {}
local function leaves(name, seq)
  local key = P .. 'journal:' .. name
  lists[key] = lists[key] or {}
  lists[key][#lists[key] + 1] = seq
end
local seq
for _, entry in ipairs(entries) do
  local fields = entry[2]
  seq = tonumber(string.match(entry[1], '%d+'))
  if fields[8] == '' or not is_open(fields[8]) then
    gone[#gone + 1] = entry[1]
    leaves('type:' .. fields[2], seq)
    if fields[6] ~= '' then leaves('run:' .. fields[6], seq) end
    if fields[8] ~= '' then leaves('task:' .. fields[8], seq) end
  end
end
if #gone > 0 then redis.call('XDEL', P .. 'journal', unpack(gone)) end
for key, seqs in pairs(lists) do
  local left, at = {}, place(key, seqs[1])
  for _, it in ipairs(seqs) do left[it] = true end
  local marked = 0
  for n, it in ipairs(redis.call('LRANGE', key, at, at + #entries - 1)) do
    if left[tonumber(it)] then
      redis.call('LSET', key, at + n - 1, '')
      marked = marked + 1
    end
  end
  if marked > 0 then redis.call('LREM', key, marked, '') end
end
return '{"gone":' .. #gone .. ',"after":' .. string.format('%.0f', seq) .. '}'`

/** Runs that began before A.before, the oldest first, behind the place A.after. */
export const OLD_RUNS = `
local found, after, done = {}, A.after, true
local runs = redis.call('ZRANGEBYSCORE', P .. 'runs', '(' .. A.after, '+inf', 'WITHSCORES', 'LIMIT', 0, A.piece)
for n = 1, #runs, 2 do
  local record = redis.call('GET', P .. 'run:' .. runs[n])
  if record and cjson.decode(record).createdAt >= A.before then return cjson.encode({ found = found, after = after, done = true }) end
  found[#found + 1] = runs[n]
  after = runs[n + 1]
end
return cjson.encode({ found = found, after = after, done = #runs < A.piece * 2 })`

/** Whether a run is old as a whole: nothing of it is open, has ended since `before`, or is waited for by an open task. */
export const IS_OLD = `
local function is_old(run, before)
  for _, id in ipairs(redis.call('ZRANGE', P .. 'tasks:run:' .. run, 0, -1)) do
    local at = redis.call('HMGET', P .. 'task:' .. id, 'state', 'at')
    if not at[1] or not FINAL[at[1]] or tonumber(at[2]) >= before then return false end
    for _, other in ipairs(redis.call('SMEMBERS', P .. 'dependents:' .. id)) do
      if is_open(other) then return false end
    end
  end
  return true
end
`

/** Forgets some tasks of a run, and the run with the last of them. Input: run, before, piece. */
export const FORGET_RUN = `
if not is_old(A.run, A.before) then return '{"gone":0,"more":false}' end
local gone, ids = 0, redis.call('ZREVRANGE', P .. 'tasks:run:' .. A.run, 0, A.piece - 1)
for _, id in ipairs(ids) do
  if box_forget(id) then return '{"gone":' .. gone .. ',"more":true}' end
  task_forget(id)
  gone = gone + 1
end
if #ids == A.piece then return '{"gone":' .. gone .. ',"more":true}' end
run_forget(A.run)
return '{"gone":' .. gone .. ',"more":false}'`
