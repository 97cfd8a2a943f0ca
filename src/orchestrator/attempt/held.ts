import type { Attempt, Fence, Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/** An attempt under way, as every stage of it gets it. */
export interface Held {
  parts: Parts
  task: Task
  attempt: Attempt
  fence: Fence
  /** Aborts when this process lets go of the task: the stage returns where it is. */
  signal: AbortSignal
}
