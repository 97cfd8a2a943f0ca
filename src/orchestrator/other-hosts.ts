import type { EventType, JournalEvent } from '../journal/journal.ts'
import { stopIfHere } from './cancel.ts'
import type { Crew } from './crew.ts'
import type { Parts } from './parts.ts'

/** After these a task may be due that was not before. */
const DUE = new Set<EventType>([
  'task.queued',
  'task.failed',
  'task.postponed',
  'task.retried',
  'task.accepted',
])
/** All hosts hear of a new task in the same moment: a little chance, and what comes meanwhile is one look. */
const SPREAD_MS = 20

/**
 * What other hosts do with the store that they share with this one: work that they queue is looked for here too, and an agent
 * whose task one of them cancels is stopped. Alone there is nothing to follow. Gives what ends it, and waits for it.
 */
export function followOtherHosts(parts: Parts, crew: Crew, look: () => void): () => Promise<void> {
  if (!parts.store.exchange) return async () => {}
  const ending = new AbortController()
  const stopping = new Set<Promise<void>>()
  let looking = false
  const lookSoon = async () => {
    if (looking) return
    looking = true
    await parts.clock.sleep(parts.ids.fraction() * SPREAD_MS, ending.signal)
    looking = false
    if (!ending.signal.aborted) look()
  }
  const stop = (event: JournalEvent) => {
    const stopped = stopIfHere(parts, crew, event).catch((error) => {
      parts.log.error('an agent could not be stopped; it is tried again soon', { task: event.taskId, error })
    })
    const tracked: Promise<void> = stopped.finally(() => stopping.delete(tracked))
    stopping.add(tracked)
  }
  const unsubscribe = parts.store.journal.subscribe((events) => {
    if (events.some(({ type }) => DUE.has(type))) void lookSoon()
    for (const event of events) if (event.type === 'task.cancelled') stop(event)
  })
  return async () => {
    unsubscribe()
    ending.abort()
    await Promise.all(stopping)
  }
}
