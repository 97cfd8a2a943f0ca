/**
 * What every script begins with. `P` is the prefix of all keys, with a hash tag: all keys of one cluster of hosts are in one
 * slot, so that a script may make their names itself.
 *
 * - `refuse(code, message)` ends the script with an OrchError. Only before the first write: Redis undoes nothing.
 * - `append(e)` puts an event into the journal and gives its seq. `e` is what `eventRow` (row.ts) makes: type, at, runId,
 *   taskId, epoch, agent, data as JSON; '' = absent. All seven are written always: an entry of a stream names no fields when
 *   they are those of the one before it. Indexes are lists of seqs: 5 bytes an event, where a sorted set takes 100.
 */
export const BASE = `
local P = KEYS[1]
local function refuse(code, message)
  error({ err = 'ORCH ' .. code .. ' ' .. message })
end
local function append(e)
  local seq = redis.call('INCR', P .. 'seq')
  redis.call('XADD', P .. 'journal', string.format('%.0f-0', seq), 'type', e[1], 'at', e[2], 'run', e[3] or '',
    'task', e[4] or '', 'epoch', e[5] or '', 'agent', e[6] or '', 'data', e[7] or '')
  redis.call('RPUSH', P .. 'journal:type:' .. e[1], seq)
  if e[3] and e[3] ~= '' then redis.call('RPUSH', P .. 'journal:run:' .. e[3], seq) end
  if e[4] and e[4] ~= '' then redis.call('RPUSH', P .. 'journal:task:' .. e[4], seq) end
  return seq
end
`
