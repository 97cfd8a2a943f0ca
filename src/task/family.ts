import { OrchError } from '../errors.ts'
import type { Task, TaskSpec } from './task.ts'

/** Tasks that tasks make: how many there may be. */
export interface FamilyOrder {
  tasks: readonly { spec: TaskSpec }[]
  limits: { depth: number; perTask: number; perRun: number }
}

/** A task that makes tasks that make tasks would never end. @throws OrchError E_LIMIT that names the setting */
export function checkSpawn(
  parent: Task,
  { tasks, limits }: FamilyOrder,
  there: { own: number; run: number },
): void {
  const depth = (parent.spec.depth ?? 0) + 1
  if (depth > limits.depth)
    throw tooMany(
      `${parent.id} is a task of depth ${depth - 1}; it may make none`,
      'delegateDepth',
      limits.depth,
    )
  if (there.own + tasks.length > limits.perTask)
    throw tooMany(`${parent.id} has made ${there.own} tasks`, 'delegateTasks', limits.perTask)
  if (there.run + tasks.length > limits.perRun)
    throw tooMany(`the run ${parent.runId} has ${there.run} tasks`, 'runTasks', limits.perRun)
}

const tooMany = (what: string, setting: string, limit: number) =>
  new OrchError('E_LIMIT', `${what}; more than ${limit} are not taken (setting ${setting})`)
