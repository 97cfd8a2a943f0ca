import type { RunId, TaskId } from '../../id.ts'
import type { Task } from '../../task/task.ts'

/** Who sends, as its token or its connection tells: never what the message says. */
export interface Sender {
  /** Its mailbox, where answers go. */
  mailbox: string
  runId?: RunId
  taskId?: TaskId
}

/** The agent that holds a task. */
export const senderOf = ({ id, runId }: Pick<Task, 'id' | 'runId'>): Sender => ({
  mailbox: id,
  runId,
  taskId: id,
})
