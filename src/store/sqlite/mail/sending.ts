import { OrchError } from '../../../errors.ts'
import type { Message } from '../../../message/message.ts'
import { drop, type MailTools, tell } from './endings.ts'
import { messageOf, type WholeRow } from './message-row.ts'

/** @throws OrchError E_NOT_FOUND, E_STATE, E_MAILBOX_FULL */
export function send(
  tools: MailTools,
  messages: readonly Message[],
  now: number,
): { id: string; created: boolean }[] {
  return messages.map((message) => {
    const created = !tools.messages.has(message.id)
    if (created) put(tools, message, now)
    return { id: message.id, created }
  })
}

function put(tools: MailTools, message: Message, now: number): void {
  const { boxes, events, messages, arrivals } = tools
  const receiver = boxes.filled(message.to)
  const hindrance = hindranceOf(receiver)
  if (hindrance && message.audience === undefined) throw hindrance.error
  // What a person writes to an agent belongs to the agent's run.
  const runId = message.runId ?? receiver.box.runId
  const scope = boxes.scopeOf(message.from, runId)
  const ordinal = events.add({ type: 'message.sent', at: now, ...scope, data: { ...message } })
  messages.add(message, { ordinal, runId, now })
  messages.noteAnswer(message, now)
  if (hindrance) drop(tools, messages.get(message.id), now, hindrance.reason)
  else arrivals.ring(message.to)
}

/** One of many that cannot take a copy does not keep the others from theirs. */
function hindranceOf({ box, direct, copies }: ReturnType<MailTools['boxes']['filled']>) {
  const { name, open, capacity } = box
  const because = (code: string, error: OrchError) => ({ error, reason: { code, message: error.message } })
  if (!open)
    return because('receiver-gone', new OrchError('E_STATE', `nobody reads ${name} any more: it is closed`))
  const waiting = direct + copies
  if (waiting < capacity) return undefined
  const text = `the mailbox ${name} is full: ${waiting} messages wait there`
  const details = { mailbox: name, waiting, capacity }
  return because('mailbox-full', new OrchError('E_MAILBOX_FULL', text, { details }))
}

/** dead ─▶ waiting, behind all others. @throws OrchError E_NOT_FOUND, E_STATE, E_MAILBOX_FULL */
export function redrive(tools: MailTools, ids: readonly string[], now: number): void {
  for (const id of new Set(ids)) {
    const row = deadRow(tools, id)
    const hindrance = hindranceOf(tools.boxes.filled(row.mailbox))
    if (hindrance) throw hindrance.error
    const { expiresAt, ...message } = messageOf({ ...row, returns: 0 })
    // What had expired would be buried again at once.
    const expires = expiresAt !== undefined && Date.parse(expiresAt) > now ? { expiresAt } : {}
    tools.messages.redrive(row, tell(tools, 'message.redriven', row, now), { ...message, ...expires })
    tools.arrivals.ring(row.mailbox)
  }
}

/** @throws OrchError E_NOT_FOUND, E_STATE */
export function edit(
  tools: MailTools,
  id: string,
  now: number,
  change: Partial<Pick<Message, 'payload' | 'to'>>,
): void {
  const row = deadRow(tools, id)
  const { payload, to } = change
  if (to !== undefined) tools.boxes.get(to)
  const changed = { ...(payload !== undefined && { payload }), ...(to !== undefined && { to }) }
  tools.messages.edit(row.ordinal, { ...messageOf(row), ...changed })
  tell(tools, 'message.edited', { ...row, mailbox: to ?? row.mailbox }, now, {
    changed: Object.keys(changed),
  })
}

/** @throws OrchError E_NOT_FOUND, E_STATE */
export function deadRow({ messages }: MailTools, id: string): WholeRow {
  const row = messages.get(id)
  if (row.state === 'dead') return row
  throw new OrchError('E_STATE', `the message ${id} is ${row.state}, not dead`, {
    fix: '`orch dead list` shows what could not be delivered.',
  })
}
