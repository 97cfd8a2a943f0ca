import { runExcess, tokensOf } from '../../task/limits.ts'
import { NO_USAGE, type Run, type Task, type Usage } from '../../task/task.ts'
import type { Parts } from '../parts.ts'
import { AttemptFailed } from './failure.ts'

/** How often the sum of a run is asked for while an attempt uses nothing itself, in ms. */
const EVERY_MS = 5_000

/** What the whole run of a task may take. */
export interface Budget {
  /** `usage`: what this attempt has used. @throws AttemptFailed `run-limit` */
  check(usage: Usage): Promise<void>
}

/** Asks for the sum when this attempt has used something, else now and then: others use too. */
export function openBudget({ store, clock }: Pick<Parts, 'store' | 'clock'>, task: Task): Budget {
  let run: Promise<Run | undefined> | undefined
  let at = Number.NEGATIVE_INFINITY
  let seen = -1
  return {
    async check(usage) {
      run ??= store.tasks.run(task.runId)
      const { id, limits, createdAt } = (await run) ?? {}
      const now = clock.now()
      const used = tokensOf(usage) + (usage.costUsd ?? 0)
      if (!id || !limits || (used === seen && now - at < EVERY_MS)) return
      at = now
      seen = used
      const [sum] = await store.tasks.usage({ runId: id, now })
      const excess = runExcess(limits, { wallMs: now - (createdAt ?? now), usage: sum?.usage ?? NO_USAGE })
      if (excess) throw new AttemptFailed(excess.code, excess.message, { final: excess.final })
    },
  }
}

/** Refuses to begin an attempt of a run that has used up what it may. @throws AttemptFailed `run-limit` */
export async function checkRun(parts: Pick<Parts, 'store' | 'clock'>, task: Task): Promise<void> {
  await openBudget(parts, task).check(NO_USAGE)
}
