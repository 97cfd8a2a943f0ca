import type { Mailbox } from '../../store/store.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { conversationOf, driverOf } from '../attempt/driver-choice.ts'
import type { Parts } from '../parts.ts'
import { requestsOf } from './overdue.ts'

/** Whether who reads there can do it: a capability, or the name of its profile. */
export const isAble = (
  { capabilities, profile }: Pick<Mailbox, 'capabilities' | 'profile'>,
  capability: string,
) => capabilities.includes(capability) || profile === capability

/**
 * Mailboxes of agents of the asker's run that are able, running and free: who waits for a message (a question wakes it, also
 * when it waits for an answer of the asker), or of whom nothing is asked. Who has the fewest open requests comes first.
 */
export async function freeAgents(parts: Parts, asker: Task, capability: string): Promise<string[]> {
  const boxes = await parts.store.mailboxes.list({ runId: asker.runId, open: true })
  const found: { name: string; open: number }[] = []
  for (const box of boxes) {
    if (box.taskId === undefined || box.taskId === asker.id || !isAble(box, capability)) continue
    const open = await openAtFree(parts, box.taskId)
    if (open !== undefined) found.push({ name: box.name, open })
  }
  return found.toSorted((a, b) => a.open - b.open).map(({ name }) => name)
}

/** How many requests wait at this task's agent; undefined when it is not free, or will not read another one. */
async function openAtFree(parts: Parts, id: Task['id']): Promise<number | undefined> {
  const task = await parts.store.tasks.get(id)
  if (!task) return undefined
  const waits = task.state === 'waiting' && task.waitingFor === 'message'
  if (!waits && task.state !== 'working') return undefined
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  if (!attempt || (!waits && !(await hears(parts, task, attempt)))) return undefined
  const { length } = await requestsOf(parts, id)
  if (task.spec.proof === 'answer' && !waits) return undefined // it ends with its answer
  return waits || length === 0 ? length : undefined
}

/** It reads what comes: at its turn's end, or right now in a call of a tool that waits. */
async function hears(parts: Parts, task: Task, attempt: Attempt): Promise<boolean> {
  if (conversationOf(driverOf(parts, task, attempt), task) !== 'none') return true
  return (await parts.hearings.of(attempt)).asking > 0
}
