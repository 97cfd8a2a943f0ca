import type { TaskEventType } from '../journal/journal.ts'
import type { TaskState } from '../task/task.ts'

/** Where each arrow's event says that its task is. */
export const STATE_AFTER: Record<TaskEventType, TaskState> = {
  'task.queued': 'queued',
  'task.leased': 'leased',
  'task.working': 'working',
  'task.waiting': 'waiting',
  'task.reported': 'reported',
  'task.verified': 'verified',
  'task.accepted': 'accepted',
  'task.failed': 'queued',
  'task.postponed': 'queued',
  'task.dead': 'dead',
  'task.cancelled': 'cancelled',
  'task.retried': 'queued',
}
