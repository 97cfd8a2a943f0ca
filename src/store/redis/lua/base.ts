/**
 * What every script begins with. `P` is the prefix of all keys, with a hash tag: all keys of one cluster of hosts are in one
 * slot, so that a script may make their names itself.
 *
 * - `refuse(code, message)` ends the script with an OrchError. Only before the first write: Redis undoes nothing.
 * - `append(e)` puts an event into the journal and gives its seq. `e` is what `eventRow` (row.ts) makes: type, at, runId,
 *   taskId, epoch, agent, data as JSON; '' = absent.
 */
export const BASE = `
local P = KEYS[1]
local function refuse(code, message)
  error({ err = 'ORCH ' .. code .. ' ' .. message })
end
local INDEXES = { 'run', 'task' }
local function append(e)
  local seq = redis.call('INCR', P .. 'seq')
  local fields = {}
  for i, name in ipairs({ 'type', 'at', 'run', 'task', 'epoch', 'agent', 'data' }) do
    local value = e[i]
    if value ~= nil and value ~= '' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  redis.call('XADD', P .. 'journal', seq .. '-0', unpack(fields))
  redis.call('ZADD', P .. 'journal:type:' .. e[1], seq, seq)
  if e[3] ~= nil and e[3] ~= '' then redis.call('ZADD', P .. 'journal:run:' .. e[3], seq, seq) end
  if e[4] ~= nil and e[4] ~= '' then redis.call('ZADD', P .. 'journal:task:' .. e[4], seq, seq) end
  return seq
end
`
