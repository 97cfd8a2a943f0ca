/**
 * `task_row(id)`: a task as JSON, false when there is none. Records and specs are JSON already and go out as they are.
 * `attempt_row(id, epoch)`: an attempt likewise.
 */
export const TASK_ROW = `
local function task_row(id)
  local at = redis.call('HMGET', P .. 'task:' .. id, 'rev', 'host', 'record', 'ord')
  if not at[1] then return false end
  local ends = at[2] ~= '' and redis.call('ZSCORE', P .. 'leases', id) or 'null'
  return '{"rev":"' .. at[1] .. '","ord":' .. at[4] .. ',"host":' .. cjson.encode(at[2]) .. ',"until":' .. ends
    .. ',"record":' .. at[3] .. ',"spec":' .. redis.call('GET', P .. 'spec:' .. id) .. '}'
end
local function task_rows(ids)
  local rows = {}
  for _, id in ipairs(ids) do
    local row = task_row(id)
    if row then rows[#rows + 1] = row end
  end
  return '[' .. table.concat(rows, ',') .. ']'
end
`

export const ATTEMPT_ROW = `
local PLAIN = { run = 'runId', agent = 'agent', host = 'host' }
local function attempt_row(id, epoch)
  local fields = redis.call('HGETALL', P .. 'attempt:' .. id .. ':' .. epoch)
  if #fields == 0 then return false end
  local parts = { '"taskId":' .. cjson.encode(id), '"epoch":' .. epoch }
  for n = 1, #fields, 2 do
    local plain = PLAIN[fields[n]]
    local value = plain and cjson.encode(fields[n + 1]) or fields[n + 1]
    parts[#parts + 1] = '"' .. (plain or fields[n]) .. '":' .. value
  end
  return '{' .. table.concat(parts, ',') .. '}'
end
`
