import type { Handlers } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import type { RunId, TaskId } from '../../id.ts'
import type { Orchestrator } from '../../orchestrator/orchestrator.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { NO_USAGE } from '../../task/task.ts'
import type { UsageSum } from '../../task/usage.ts'

const NOTHING = { agents: 0, withoutCost: 0, agentMs: 0, usage: NO_USAGE }

/** The verb that sums up what agents have used. */
export function usageHandlers(
  { store, clock }: Pick<Parts, 'store' | 'clock'>,
  { resolve }: Pick<Orchestrator, 'resolve'>,
): Pick<Handlers, 'usage'> {
  const runOf = async (id: string): Promise<RunId> => {
    if (await store.tasks.run(id as RunId)) return id as RunId
    throw new OrchError('E_NOT_FOUND', `there is no run ${id}`)
  }
  return {
    async usage({ query: { by, run, task, since, limit } }) {
      const runId = run === undefined ? undefined : await runOf(run)
      const taskId: TaskId | undefined = task === undefined ? undefined : (await resolve(task)).id
      const which = {
        now: clock.now(),
        ...(runId && { runId }),
        ...(taskId && { taskId }),
        ...(since !== undefined && { since: Date.parse(since) }),
      }
      const sums = await store.tasks.usage({ ...which, by, limit: limit + 1 })
      const [total] = await store.tasks.usage(which)
      const shown = sums.slice(0, limit).reverse()
      return { by, sums: shown, total: total ? withoutKey(total) : NOTHING, more: sums.length > limit }
    },
  }
}

const withoutKey = ({ key: _, ...sum }: UsageSum) => sum
