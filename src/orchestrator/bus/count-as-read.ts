import type { Attempt, Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/** Acknowledges messages for the agent of this attempt. @throws OrchError E_NOT_FOUND, E_STALE when it reads there no more */
export async function countAsRead(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  { task, attempt }: { task: Pick<Task, 'id'>; attempt: Pick<Attempt, 'agent'> },
  ids: readonly string[],
): Promise<void> {
  await store.mailboxes.acknowledge({ mailbox: task.id, reader: attempt.agent, ids, now: clock.now() })
}
