import { OrchError, toOrchError } from '../../errors.ts'
import type { RunId, TaskId } from '../../id.ts'
import { mailboxName, PERSON, topicName } from '../../message/message.ts'
import type { Mailbox } from '../../store/store.ts'
import { isFinal, type Task } from '../../task/task.ts'
import { oneLine } from '../../text.ts'
import { taskOf } from '../agent-name.ts'
import type { Parts } from '../parts.ts'
import type { Sender } from './sender.ts'

export interface Audience {
  /** Mailboxes, each open. */
  names: string[]
  /** `*` or `#topic` when it went to many. */
  audience?: string
  /** Run of the one receiver, if it has one. */
  runId?: RunId | undefined
}

/** @throws OrchError E_NOT_FOUND, E_INVALID, E_STATE (the task is over) */
export async function audienceOf(parts: Parts, sender: Sender, to: string): Promise<Audience> {
  if (to === '*') return { names: await ofRun(parts, sender), audience: to }
  if (to.startsWith('#')) return { names: await ofTopic(parts, sender, to.slice(1)), audience: to }
  const taskId = to.startsWith('t-') ? (to as TaskId) : taskOf(to)
  const task = taskId && (await parts.store.tasks.get(taskId))
  if (task) return await audienceOfTask(parts, task)
  const box = await mailboxOf(parts, to)
  if (box) return { names: [box.name], runId: box.runId }
  throw new OrchError('E_NOT_FOUND', `nobody here is called ${oneLine(to, 80)}`, {
    fix: 'Send to an agent or a task (see `orch status`), to `person`, to `#topic`, or to `*` (all of the run).',
  })
}

/** Who holds the task. @throws OrchError E_STATE (it is over) */
export async function audienceOfTask(parts: Parts, task: Task): Promise<Audience> {
  return { names: [await openTaskMailbox(parts, task)], runId: task.runId }
}

/** The mailbox of a person or a program. */
async function mailboxOf(parts: Parts, to: string): Promise<Pick<Mailbox, 'name' | 'runId'> | undefined> {
  if (!mailboxName.safeParse(to).success) return undefined
  const { mailboxes } = parts.store
  const box = await mailboxes.find(to)
  if (to !== PERSON || box?.open) return box
  return await mailboxes.open({ name: PERSON, capacity: parts.config.mailboxSize }, parts.clock.now())
}

/** The mailbox of a task that is not over; it may be written to before its agent is there. @throws OrchError E_STATE */
export async function openTaskMailbox(parts: Parts, task: Task, reader?: string): Promise<string> {
  const { store, clock, config } = parts
  if (isFinal(task.state))
    throw new OrchError('E_STATE', `${task.id} is ${task.state}: nobody reads there any more`)
  const there = await store.mailboxes.find(task.id)
  if (there?.open && (reader === undefined || there.reader === reader)) return task.id
  const capabilities = await capabilitiesOf(parts, task, reader)
  const box = {
    name: task.id,
    runId: task.runId,
    taskId: task.id,
    profile: task.spec.profile,
    capabilities,
    capacity: config.mailboxSize,
    ...(reader !== undefined && { reader, agent: reader }),
  }
  await store.mailboxes.open(box, clock.now())
  return task.id
}

/**
 * Those of its profile. One that only its repository knows, which is on another host, is not known to who writes here: its
 * reader opens the mailbox again and tells them.
 */
async function capabilitiesOf(
  { host, profiles }: Parts,
  { spec }: Task,
  reader: string | undefined,
): Promise<string[]> {
  try {
    return (await profiles.find(spec.repo, spec.profile)).capabilities
  } catch (error) {
    const away = reader === undefined && spec.source !== undefined && spec.source.host !== host
    if (away && toOrchError(error).code === 'E_INVALID') return []
    throw error
  }
}

async function ofRun({ store }: Parts, { runId, mailbox }: Sender): Promise<string[]> {
  if (!runId) throw new OrchError('E_INVALID', 'only agents of a run can write to all of it: name a receiver')
  const all = await store.mailboxes.list({ runId, open: true })
  return all.map(({ name }) => name).filter((name) => name !== mailbox)
}

async function ofTopic({ store }: Parts, { runId, mailbox }: Sender, topic: string): Promise<string[]> {
  if (!topicName.safeParse(topic).success)
    throw new OrchError(
      'E_INVALID',
      `${oneLine(topic, 60)} cannot be a topic: small letters, digits and dashes`,
    )
  const all = await store.mailboxes.list({ topic, open: true, ...(runId && { runId }) })
  return all.map(({ name }) => name).filter((name) => name !== mailbox)
}
