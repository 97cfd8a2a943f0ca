import { toOrchError } from '../errors.ts'
import type { TaskId } from '../id.ts'
import { interruptFor } from './conversation/say.ts'
import type { Parts } from './parts.ts'

/** Tells attempts of this process when something has come for their agents. */
export interface Postman {
  end(): void
}

/** Critical messages that came when nobody was there to announce them. */
export async function hurryAll(parts: Parts): Promise<void> {
  const working = await parts.store.tasks.list({ host: parts.host, states: ['working'] })
  for (const { id } of working) await hurry(parts, id)
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
  if (task?.state !== 'working' || task.lease?.host !== parts.host) return // its own host does it
  // The newest, since what it has sent itself and nobody has read yet is among them.
  const query = { mailbox: id, states: ['waiting' as const], newest: true }
  const waiting = await parts.store.mailboxes.history(query)
  const now = parts.clock.now()
  const critical = waiting
    .filter(({ notBefore = 0 }) => notBefore <= now)
    .map(({ message }) => message)
    .filter((it) => it.to === id && it.priority === 'critical' && !it.audience)
  if (critical.length === 0) return
  const ids = critical.map((it) => it.id)
  await interruptFor(parts, task, ids).catch(ignoreDeaf)
}

/** Who is at its end, cannot hear, or is being set up gets it as any other message. */
function ignoreDeaf(error: unknown): void {
  if (!['E_STATE', 'E_CANNOT_HEAR'].includes(toOrchError(error).code)) throw error
}
