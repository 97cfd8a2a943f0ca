import type { TaskId } from '../id.ts'
import { isFinal } from '../task/task.ts'
import { interruptFor } from './conversation/say.ts'
import type { Parts } from './parts.ts'

/** Tells attempts of this process when something has come for their agents. */
export interface Postman {
  end(): void
}

/** A message wakes who follows its receiver; a critical one ends the receiver's turn; a task that ended wakes who made it. */
export function createPostman(parts: Parts): Postman {
  const { store, hearings } = parts
  const endings = store.journal.subscribe((events) => {
    for (const { taskId, type } of events)
      if (taskId && ENDINGS.has(type)) void wakeParents(parts, taskId).catch((error) => noted(parts, error))
  })
  const arrivals = store.mailboxes.onArrival((names) => {
    for (const name of names) {
      if (!name.startsWith('t-')) continue
      hearings.wake(name as TaskId)
      void hurry(parts, name as TaskId).catch((error) => noted(parts, error))
    }
  })
  return {
    end() {
      endings()
      arrivals()
    },
  }
}

const ENDINGS = new Set<string>(['task.accepted', 'task.dead', 'task.cancelled'])

const noted = ({ log }: Parts, error: unknown) => log.warn('a message could not be announced', { error })

/** All the way up: who handed its work over is waited for by way of its receivers. */
async function wakeParents({ store, hearings }: Parts, taskId: TaskId): Promise<void> {
  let parent = (await store.tasks.get(taskId))?.spec.parent
  while (parent) {
    hearings.wake(parent)
    parent = (await store.tasks.get(parent))?.spec.parent
  }
}

/** Never into a permission question or a pause: then the message waits for the turn's end as all others do. */
async function hurry(parts: Parts, id: TaskId): Promise<void> {
  const task = await parts.store.tasks.get(id)
  if (!task || isFinal(task.state) || task.state !== 'working') return
  const waiting = await parts.store.mailboxes.history({ mailbox: id, states: ['waiting'] })
  const critical = waiting.some(
    ({ message }) => message.to === id && message.priority === 'critical' && !message.audience,
  )
  if (critical) await interruptFor(parts, task)
}
