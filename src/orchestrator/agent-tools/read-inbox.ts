import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import { messageId } from '../../message/message.ts'
import { awaitMail } from '../bus/await-mail.ts'
import { countAsRead } from '../bus/count-as-read.ts'
import { namesOf } from '../bus/names.ts'
import { whileAsking } from '../conversation/asking.ts'
import type { Parts } from '../parts.ts'
import { agentTool, type Caller } from './agent-tools.ts'
import {
  type Mail,
  MOST_WAIT,
  type ShownMessage,
  showMail,
  showMessage,
  shownMessage,
  takeMail,
} from './inbox.ts'

export const readInbox = agentTool({
  name: 'read_inbox',
  description: [
    'Read the messages that other agents, people and Orch have sent to you. Call it when you wait for something, or between two steps of your work; what you do not read is put before you when your turn ends.',
    'Acknowledge in your next call what you have read; else it comes again, marked. With wait you are given what comes in so many seconds.',
    'A request (assistance_request, validation_request) waits for your answer: use the tool answer.',
  ].join(' '),
  input: z.strictObject({
    acknowledge: z
      .array(messageId)
      .max(200)
      .default([])
      .describe('Ids of messages that you have read and understood.'),
    wait: z.int().min(0).max(MOST_WAIT).default(0).describe('Seconds to wait when nothing new is there.'),
    id: messageId.optional().describe('Show just this message, whole, also when it was read before.'),
  }),
  output: z.object({
    messages: z.array(shownMessage),
    more: z.boolean().describe('true: further ones wait; acknowledge these and call again.'),
  }),
  idempotent: true,
  readOnly: false,
  async run(parts, caller, { acknowledge, wait, id }) {
    if (acknowledge.length > 0) await acknowledgeRead(parts, caller, acknowledge)
    if (id !== undefined) return { messages: [await oneMessage(parts, caller, id)], more: false }
    const mail = await newMail(parts, caller, wait)
    const messages = await showMail(parts, mail)
    const { direct, copies } = await parts.store.mailboxes.waiting(caller.task.id)
    return { messages, more: direct + copies > messages.length }
  },
})

/** What was read before is not asked for again by a later attempt. @throws OrchError E_NOT_FOUND, E_STALE */
export async function acknowledgeRead(parts: Parts, caller: Caller, ids: readonly string[]): Promise<void> {
  const hearing = await parts.hearings.of(caller.attempt)
  await countAsRead(parts, caller, ids)
  for (const id of ids) hearing.given.delete(id)
}

/** The mail as soon as something new is in it, else what is there when the time is over. */
async function newMail(parts: Parts, caller: Caller, wait: number): Promise<Mail> {
  const isNew = ({ deliveries, hearing }: Mail) =>
    deliveries.some(({ message }) => !hearing.given.has(message.id))
  const there = await takeMail(parts, caller)
  if (wait === 0 || isNew(there)) return there
  const look = async () => {
    const mail = await takeMail(parts, caller)
    return isNew(mail) ? mail : undefined
  }
  const wanted = { ms: wait * 1_000 }
  const come = await whileAsking(parts, caller.attempt, () => awaitMail(parts, caller.task.id, wanted, look))
  return come ?? there
}

/** @throws OrchError E_NOT_FOUND unless the caller's task has sent or got it */
async function oneMessage(parts: Parts, { task }: Caller, id: string): Promise<ShownMessage> {
  const found = await parts.store.mailboxes.get(id)
  if (!found || (found.message.to !== task.id && found.message.from !== task.id))
    throw new OrchError('E_NOT_FOUND', `you have neither sent nor got a message ${id}`, {
      fix: 'Call read_inbox without id.',
    })
  return showMessage(found, await namesOf(parts, [found.message]))
}
