import { type JournalEvent, TASK_EVENTS } from '../../journal/journal.ts'
import type { Journal } from '../../store/store.ts'
import type { Attempt } from '../../task/task.ts'

/** How long (ms) an attempt has waited for a quota, a person or a message until `now`, as the journal tells it. */
export async function waitedMs(journal: Journal, attempt: Attempt, now: number): Promise<number> {
  let waited = 0
  let since: number | undefined
  for await (const event of arrowsOf(journal, attempt)) {
    if (since !== undefined) waited += event.at - since
    since = event.type === 'task.waiting' ? event.at : undefined
  }
  return since === undefined ? waited : waited + now - since
}

async function* arrowsOf(journal: Journal, { taskId, epoch }: Attempt): AsyncGenerator<JournalEvent> {
  for (let after = 0; ; ) {
    const events = await journal.read({ taskId, types: [...TASK_EVENTS], after })
    if (events.length === 0) return
    yield* events.filter((event) => event.epoch === epoch)
    after = events.at(-1)?.seq ?? after
  }
}
