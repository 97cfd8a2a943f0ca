import type { Fence, Task, TaskSpec } from '../../task/task.ts'
import { readRunEnv } from '../attempt/run-env.ts'
import { createLookup } from '../lookup.ts'
import type { Parts } from '../parts.ts'
import { resolveTask, type TaskOrder } from '../submit.ts'

/** A task that a task makes; what is left out comes from the task that makes it, then from the settings. */
export type ChildOrder = TaskOrder & Pick<TaskSpec, 'proof' | 'origin' | 'from'>

/**
 * Queues tasks for the task that makes them, in its run; in the same environment, forge and runtime, with the same program
 * where no other is named. The same `requestId` again gives the tasks that are there.
 * @throws OrchError E_LIMIT, E_STALE, and what `submit` throws
 */
export async function spawnTasks(
  parts: Parts,
  parent: { task: Task; fence: Fence },
  requestId: string,
  orders: readonly ChildOrder[],
): Promise<{ tasks: Task[]; created: boolean }> {
  const { spec, runId, id } = parent.task
  const settings = await parts.settings(spec.repo)
  const lookup = createLookup(parts, spec.repo, await readRunEnv(parts.paths, runId))
  const tasks = []
  for (const { proof, origin, from, ...order } of orders) {
    const { driver } = await lookup.profile(order.profile ?? settings.profile)
    const made = await resolveTask(parts, lookup, { ...inherited(spec, driver), ...order }, settings)
    const family = {
      parent: id,
      depth: (spec.depth ?? 0) + 1,
      ...(proof && { proof }),
      ...(origin && { origin }),
      ...(from && { from }),
    }
    tasks.push({ id: made.id, spec: { ...made.spec, ...family } })
  }
  const limits = {
    depth: settings.delegateDepth,
    perTask: settings.delegateTasks,
    perRun: settings.runTasks,
  }
  await giveStarts(parts, parent, orders)
  return await parts.store.tasks.spawn(parent.fence, { requestId, now: parts.clock.now(), tasks, limits })
}

/** Commits of the parent that they begin at, for whichever host takes them. */
async function giveStarts(
  { carrying, store }: Parts,
  { task, fence }: { task: Task; fence: Fence },
  orders: readonly ChildOrder[],
): Promise<void> {
  const starts = new Set(orders.flatMap(({ from }) => from ?? []))
  if (!carrying || starts.size === 0) return
  const { from, carried } = await store.tasks.progress(fence, {})
  const known = [from, carried].filter((it) => it !== undefined)
  for (const start of starts) {
    if (known.includes(start)) continue
    await carrying.give({ task, epoch: fence.epoch, start: true }, start, known)
    if (start !== carried) known.push(start)
  }
}

/** A person who chose a program chose it for the whole of the work; but a profile knows its own. */
function inherited(
  { base, driver, argv, forge, runtime, publish, priority }: TaskSpec,
  own?: string,
): Partial<TaskOrder> {
  const program = own ? {} : { driver, ...(argv && { argv }) }
  return { base, forge, runtime, publish, priority: priority + 1, ...program }
}
