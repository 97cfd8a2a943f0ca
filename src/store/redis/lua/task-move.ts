/**
 * An arrow: moves a task from the record that was read (`rev`) to the one that follows, with its indexes, its attempt, its
 * mailbox and the event that says so. Gives the new `rev`, made of the seq of that event and of who moved it (`by`): no two
 * records have the same, also when Redis has forgotten some and counts on from there; and the end of the lease.
 * `"again"`: it has moved meanwhile; `"none"`: it is not there.
 *
 * Input: id, rev, by, state, epoch, host ('' = nobody), ends (of the lease, when it begins), due, at, record, event;
 * `begin` / `ended`: fields of the attempt that begins or ends; `lapsed`: only when its lease ended before then;
 * `mail`: 'ended' with code and message, or 'retried'.
 */
export const MOVE_TASK = `
local id, key = A.id, P .. 'task:' .. A.id
local was = redis.call('HMGET', key, 'rev', 'state', 'host', 'ord', 'lane', 'score', 'waits')
if not was[1] then return '"none"' end
if was[1] ~= A.rev then return '"again"' end
if A.lapsed then
  local ends = redis.call('ZSCORE', P .. 'leases', id)
  if not ends or tonumber(ends) >= A.lapsed then return '"again"' end
end
if A.begin and redis.call('HSETNX', P .. 'agents', A.agent, id .. ' ' .. A.epoch) == 0 then
  refuse('E_STATE', 'an agent named ' .. A.agent .. ' was there before')
end
local ord = was[4]
local rev = append(A.event) .. A.by
redis.call('HSET', key, 'rev', rev, 'state', A.state, 'epoch', A.epoch, 'host', A.host, 'due', A.due,
  'at', A.at, 'record', A.record)
if A.state ~= was[2] then
  redis.call('ZREM', P .. 'tasks:state:' .. was[2], id)
  redis.call('ZADD', P .. 'tasks:state:' .. A.state, ord, id)
end
if A.host ~= was[3] then
  if was[3] ~= '' then
    redis.call('ZREM', P .. 'tasks:host:' .. was[3], id)
    redis.call('ZREM', P .. 'leases', id)
  end
  if A.host ~= '' then redis.call('ZADD', P .. 'tasks:host:' .. A.host, ord, id) end
end
if A.ends then redis.call('ZADD', P .. 'leases', A.ends, id) end
if was[2] == 'queued' then dequeue(id, was[5]) end
if A.state == 'queued' then enqueue(id, was[5], was[6], A.due, tonumber(was[7])) end
local attempt = P .. 'attempt:' .. id .. ':' .. A.epoch
if A.begin then
  redis.call('HSET', attempt, unpack(A.begin))
  redis.call('ZADD', P .. 'attempts', A.at, id .. ':' .. A.epoch)
end
if A.ended then redis.call('HSET', attempt, unpack(A.ended)) end
if A.mail == 'ended' then mail_ended(id, A.at, A.code, A.message) end
if A.mail == 'retried' then mail_retried(id, A.at) end
if A.state == 'accepted' then open_gate(id) end
return '["' .. rev .. '",' .. (A.host ~= '' and redis.call('ZSCORE', P .. 'leases', id) or '0') .. ']'
`
