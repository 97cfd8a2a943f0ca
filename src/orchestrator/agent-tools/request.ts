import { z } from 'zod'
import type { Delivery } from '../../message/delivery.ts'
import { ORCH } from '../../message/message.ts'
import { conversationOf, driverOf } from '../attempt/driver-choice.ts'
import { openTaskMailbox } from '../bus/audience.ts'
import { awaitMail } from '../bus/await-mail.ts'
import { derivedId } from '../bus/derived-id.ts'
import { namesOf } from '../bus/names.ts'
import { type Asked, type AskOrder, ask } from '../bus/route.ts'
import { whileAsking } from '../conversation/asking.ts'
import type { Parts } from '../parts.ts'
import type { Caller } from './agent-tools.ts'
import { isAsked, MOST_WAIT, showMail, showMessage, shownMessage, takeMail } from './inbox.ts'

/** What tools that ask have in common: the request, the wait for its answer, what came meanwhile. */

export const wait = z
  .int()
  .min(0)
  .max(MOST_WAIT)
  .default(MOST_WAIT)
  .describe(
    'Seconds to wait for the answer in this call. If it is not there by then, end your turn or go on: it comes to you.',
  )

export const requestOutput = z.object({
  request: z.string().describe('Id of the request.'),
  to: z.string().describe('Who was asked.'),
  started: z.boolean().describe('An agent was started to answer it.'),
  answered: z.boolean(),
  answer: shownMessage.optional(),
  messages: z.array(shownMessage).describe('What else came for you meanwhile.'),
  next: z.string().describe('What to do now.'),
})

const NEXT = {
  answered: 'Judge the answer, then go on with your work.',
  asked: 'Somebody asks something of you: answer that first. The answer to your own request still comes.',
  open: 'Not answered yet. Go on with what does not need it. When nothing else is left, end your turn without complete_task: you are started again with the answer. The same call again waits further.',
  openToDeaf:
    'Not answered yet. The same call again waits further; read_inbox shows it later. Do not end before: you would not be started again.',
} as const

/** Sends a request, the same one when it is asked again, and waits for its answer. @throws OrchError what `ask` throws */
export async function askAndWait(
  parts: Parts,
  caller: Caller,
  order: Omit<AskOrder, 'id'>,
  seconds: number,
): Promise<z.input<typeof requestOutput>> {
  await openTaskMailbox(parts, caller.task, caller.attempt.agent) // the answer needs a place
  const asked = await ask(parts, caller, { ...order, id: await idOf(parts, caller, order) })
  const look = () => whatCame(parts, caller, asked.id)
  const come = await whileAsking(parts, caller.attempt, () =>
    awaitMail(parts, caller.task.id, { ms: seconds * 1_000 }, look),
  )
  return await told(parts, caller, asked, come)
}

/**
 * A request that is asked again word by word is the same one: a call whose answer was lost, or that a new daemon gets once
 * more, goes on waiting. What nobody answered is asked anew.
 */
async function idOf({ store }: Parts, { task }: Caller, order: Omit<AskOrder, 'id'>): Promise<string> {
  const { type, payload, to, capability } = order
  for (let round = 0; ; round++) {
    const id = derivedId(task.id, type, payload, to ?? null, capability ?? null, round)
    const known = await store.mailboxes.get(id)
    if (!known?.answer) return id
    const answer = await store.mailboxes.get(known.answer.id)
    if (answer && answer.message.from !== ORCH) return id
  }
}

/** The answer, or that somebody asks the caller something, who would else wait for it for as long as it waits itself. */
async function whatCame(parts: Parts, caller: Caller, id: string): Promise<'asked' | Delivery | undefined> {
  const { mailboxes } = parts.store
  const request = await mailboxes.get(id)
  const answer = request?.answer && (await mailboxes.get(request.answer.id))
  if (answer) return answer
  return (await isAsked(parts, caller)) ? 'asked' : undefined
}

async function told(
  parts: Parts,
  caller: Caller,
  { id, to, started }: Asked,
  come: 'asked' | Delivery | undefined,
): Promise<z.input<typeof requestOutput>> {
  const box = await parts.store.mailboxes.find(to)
  const about = { request: id, to: box?.agent ?? to, started }
  if (come === undefined)
    return { ...about, answered: false, messages: [], next: nextWhileOpen(parts, caller) }
  const mail = await takeMail(parts, caller)
  const shown = await showMail(parts, mail)
  if (come === 'asked') return { ...about, answered: false, messages: shown, next: NEXT.asked }
  const messages = shown.filter((it) => it.id !== come.message.id)
  const answer = showMessage(come, await namesOf(parts, [come.message]))
  return { ...about, answered: true, answer, messages, next: NEXT.answered }
}

function nextWhileOpen(parts: Parts, { task, attempt }: Caller): string {
  return conversationOf(driverOf(parts, task, attempt), task) === 'none' ? NEXT.openToDeaf : NEXT.open
}
