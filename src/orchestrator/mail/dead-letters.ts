import { OrchError } from '../../errors.ts'
import type { Delivery } from '../../message/delivery.ts'
import type { Message } from '../../message/message.ts'
import type { Task } from '../../task/task.ts'
import { audienceOf } from '../bus/audience.ts'
import { checkPayload } from '../bus/payload.ts'
import type { Orchestrator } from '../orchestrator.ts'
import type { Parts } from '../parts.ts'
import { resolve } from '../resolve.ts'

/** What could not be delivered or not be done. It stays until a person redrives or drops it. */
export type DeadLetter = { kind: 'message'; delivery: Delivery } | { kind: 'task'; task: Task }

/** The newest of each kind. */
export async function deadLetters(
  { store }: Parts,
  { kind, limit }: { kind?: DeadLetter['kind'] | undefined; limit: number },
): Promise<DeadLetter[]> {
  const messages =
    kind === 'task' ? [] : await store.mailboxes.history({ states: ['dead'], newest: true, limit })
  const tasks = kind === 'message' ? [] : await store.tasks.list({ states: ['dead'], limit })
  return [
    ...messages.map((delivery) => ({ kind: 'message', delivery }) as const),
    ...tasks.map((task) => ({ kind: 'task', task }) as const),
  ]
}

/** By the id of a message, or as tasks are named. @throws OrchError E_NOT_FOUND, E_STATE (it is not dead) */
export async function deadLetter(parts: Parts, id: string): Promise<DeadLetter> {
  const delivery = await parts.store.mailboxes.get(id)
  if (delivery) return checked({ kind: 'message', delivery }, id, delivery.state)
  const task = await taskNamed(parts, id)
  return checked({ kind: 'task', task }, task.id, task.state)
}

async function taskNamed(parts: Parts, id: string): Promise<Task> {
  try {
    return await resolve(parts, id)
  } catch (error) {
    if (!(error instanceof OrchError) || error.code !== 'E_NOT_FOUND') throw error
    throw new OrchError('E_NOT_FOUND', `there is no message or task ${id}`, { fix: 'See `orch dead list`.' })
  }
}

function checked(letter: DeadLetter, id: string, state: string): DeadLetter {
  if (state === 'dead') return letter
  throw new OrchError('E_STATE', `${id} is ${state}, not dead`, { fix: 'See `orch dead list`.' })
}

export interface DeadEdit {
  payload?: Record<string, unknown> | undefined
  to?: string | undefined
  word?: string | undefined
}

/**
 * Corrects what will be redriven: payload or receiver of a message; for a task a word that its next attempt is told.
 * @throws OrchError E_INVALID, E_TOO_LARGE, E_NOT_FOUND, E_STATE
 */
export async function editDead(parts: Parts, id: string, edit: DeadEdit): Promise<DeadLetter> {
  const letter = await deadLetter(parts, id)
  if (letter.kind === 'task') await tellNext(parts, letter.task, wordOf(edit))
  else
    await parts.store.mailboxes.edit(
      id,
      parts.clock.now(),
      await changeOf(parts, letter.delivery.message, edit),
    )
  return await deadLetter(parts, id)
}

function wordOf({ payload, to, word }: DeadEdit): string {
  if (word !== undefined && payload === undefined && to === undefined) return word
  throw new OrchError('E_INVALID', 'a task can only be given a word for its next attempt')
}

/** It is noted with the attempt that is over: the prompt of the next one brings what was said before. */
async function tellNext({ store, clock, ids }: Parts, task: Task, text: string): Promise<void> {
  const { id: taskId, runId, epoch } = task
  const data = { id: ids.uuid(), text }
  await store.journal.append([{ type: 'agent.said', at: clock.now(), runId, taskId, epoch, data }])
}

async function changeOf(
  parts: Parts,
  { type, from, runId }: Message,
  { payload, to, word }: DeadEdit,
): Promise<Partial<Pick<Message, 'payload' | 'to'>>> {
  if (word !== undefined) throw new OrchError('E_INVALID', 'a message has a payload and a receiver, no word')
  if (payload === undefined && to === undefined)
    throw new OrchError('E_INVALID', 'nothing is to be changed: give a payload or a receiver')
  const sender = { mailbox: from, ...(runId && { runId }) }
  return {
    ...(payload && { payload: checkPayload(type, payload) }),
    ...(to !== undefined && { to: await oneReceiver(parts, sender, to) }),
  }
}

async function oneReceiver(
  parts: Parts,
  sender: Parameters<typeof audienceOf>[1],
  to: string,
): Promise<string> {
  const whole = to.startsWith('t-') ? (await resolve(parts, to)).id : to
  const { names, audience } = await audienceOf(parts, sender, whole)
  const [name] = names
  if (name !== undefined && audience === undefined) return name
  throw new OrchError('E_INVALID', 'a message that is dead goes to one receiver')
}

type Verbs = Pick<Orchestrator, 'retry' | 'cancel'>

/** A message goes to its receiver again, a task back to the queue. @throws OrchError E_NOT_FOUND, E_STATE, E_MAILBOX_FULL */
export async function redriveDead(parts: Parts, verbs: Verbs, id: string): Promise<string> {
  const letter = await deadLetter(parts, id)
  if (letter.kind === 'task') return (await verbs.retry(letter.task.id)).id
  await parts.store.mailboxes.redrive([id], parts.clock.now())
  return id
}

/** dead ─▶ dropped for a message, cancelled for a task. @throws OrchError E_NOT_FOUND, E_STATE */
export async function dropDead(parts: Parts, verbs: Verbs, id: string): Promise<string> {
  const letter = await deadLetter(parts, id)
  if (letter.kind === 'task') return (await verbs.cancel(letter.task.id)).id
  await parts.store.mailboxes.drop([id], parts.clock.now())
  return id
}
