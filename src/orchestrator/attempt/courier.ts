import { toOrchError } from '../../errors.ts'
import type { AgentEvent } from '../../journal/journal.ts'
import type { Held } from './held.ts'
import { eventOf, workspaceOf } from './stop.ts'

/** So often the branch of an agent at work is looked at, in ms. */
const LOOK_MS = 5_000

/** Brings what an attempt commits to where other hosts get it, while its agent works. */
export interface Courier {
  notice(events: readonly AgentEvent[]): void
  /** Looks when a turn has ended, else now and then. @throws OrchError E_STALE */
  look(): Promise<void>
}

/** Where there are no other hosts it does nothing. */
export function createCourier(held: Held): Courier {
  const { clock, carrying, store } = held.parts
  let next = clock.now()
  return {
    notice(events) {
      if (events.some(({ type }) => type === 'turn.ended')) next = 0
    },
    async look() {
      if (!carrying || clock.now() < next || store.exchange?.reach().state === 'down') return
      await shareWork(held)
      next = clock.now() + LOOK_MS
    },
  }
}

/**
 * Gives the commit of the task's branch to other hosts and notes it with the attempt, fenced: the next attempt begins there,
 * wherever it runs. What cannot be given stays on this host, and holds nothing up. @throws OrchError E_STALE
 */
export async function shareWork(held: Held): Promise<void> {
  const { parts, task, fence } = held
  const { carrying } = parts
  if (!carrying || task.spec.proof === 'answer') return
  try {
    const head = await parts.workspaces.head(workspaceOf(parts, task))
    const { from, carried } = await parts.store.tasks.progress(fence, {})
    if (!head || head === carried || head === from) return
    const known = [from, carried].filter((it) => it !== undefined)
    await carrying.give({ task, epoch: fence.epoch }, head, known)
    await parts.store.tasks.progress(fence, { attempt: { carried: head } })
  } catch (error) {
    await couldNot(held, error)
  }
}

/** Said once an attempt. */
async function couldNot({ parts, task, attempt, fence }: Held, thrown: unknown): Promise<void> {
  const { code, message } = toOrchError(thrown)
  if (code === 'E_STALE') throw thrown
  parts.log.warn('work could not be given to other hosts', { task: task.id, error: thrown })
  if (code === 'E_STORE_DOWN') return
  const text = `other hosts cannot get its commits: ${message}`
  const { taskId, epoch } = attempt
  const notes = await parts.store.journal.read({ taskId, types: ['note'], limit: 1_000 })
  if (notes.some((note) => note.epoch === epoch && note.data?.text === text)) return
  await parts.store.tasks.progress(fence, {
    events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
  })
}
