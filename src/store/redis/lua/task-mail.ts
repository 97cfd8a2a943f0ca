import { MAIL_BASE, MAIL_CLOSE } from './mail-base.ts'

/**
 * What the arrows of a task do to its mailbox, in the same script, after the record was written. Nothing happens where there
 * is no mailbox. Includes what it needs.
 *
 * - `mail_ended(task, at, code, message)` closes it. What waits there is dead (`receiver-gone`, with `message`); of very many
 *   the rest is buried by `expire`, and nobody can read or count it meanwhile.
 * - `mail_retried(task, at)` opens it again without a reader.
 */
export const TASK_MAIL = `${MAIL_BASE}${MAIL_CLOSE}
local function mail_ended(task, at, code, message)
  if redis.call('EXISTS', P .. 'box:' .. task) == 0 then return end
  mail_close(task, at, message)
  mail_publish()
end
local function mail_retried(task, at)
  local key = P .. 'box:' .. task
  local ord = redis.call('HGET', key, 'ord')
  if not ord then return end
  redis.call('HDEL', key, 'reader', 'agent')
  redis.call('HSET', key, 'open', 1, 'openedAt', at)
  redis.call('ZADD', P .. 'mail:boxes:open', ord, task)
end
`
