/**
 * What the arrows of a task do to its mailbox, in the same script: `mail_ended(task, at, code, message)` closes it (what waits
 * there is dead with that reason), `mail_retried(task, at)` opens it again without a reader. Nothing happens where there is none.
 */
export const TASK_MAIL = `
local function mail_ended(task, at, code, message) end
local function mail_retried(task, at) end
`
