import { describe, expect, it } from 'vitest'
import type { RunId, TaskId } from '../../src/id.ts'
import type { Store } from '../../src/store/store.ts'
import { type Attempt, NO_USAGE, type Task, type Usage } from '../../src/task/task.ts'
import { USAGE_KEYS, type UsageKey, type UsageSum } from '../../src/task/usage.ts'
import { claim, REASON, submit } from '../support/store.ts'

/** What every store must sum up of what attempts have used. */

const NOON = Date.UTC(2026, 10, 20, 12)
const DAY = 86_400_000

const USED: Usage = {
  inputTokens: 100,
  outputTokens: 20,
  cacheReadTokens: 3_000,
  cacheWriteTokens: 400,
  turns: 2,
  toolCalls: 5,
}

export function usageCases(current: () => Store): void {
  describe('usage', () => {
    it('is none before there is an attempt', async () => {
      const store = current()
      expect(await store.tasks.usage({ now: NOON })).toEqual([])
      await submit(store, { ids: ['t-a'] })
      for (const by of USAGE_KEYS) expect(await store.tasks.usage({ now: NOON, by })).toEqual([])
    })

    it('is summed over all, with the cost of those that tell one', async () => {
      const store = current()
      await threeAttempts(store)
      expect(await store.tasks.usage({ now: NOON + DAY + 5_000 })).toEqual([
        {
          key: '',
          agents: 3,
          withoutCost: 1,
          agentMs: 1_000 + 2_000 + 5_000,
          usage: {
            inputTokens: 300,
            outputTokens: 60,
            cacheReadTokens: 9_000,
            cacheWriteTokens: 1_200,
            turns: 6,
            toolCalls: 15,
            costUsd: 0.75,
          },
        },
      ])
    })

    it('is summed by each key, the newest first', async () => {
      const store = current()
      await threeAttempts(store)
      const keys = async (by: UsageKey) =>
        (await store.tasks.usage({ now: NOON + DAY, by })).map(({ key, agents }) => [key, agents])
      expect(await keys('agent')).toEqual([
        ['agent-t-b-1', 1],
        ['agent-t-a-2', 1],
        ['agent-t-a-1', 1],
      ])
      expect(await keys('task')).toEqual([
        ['t-b', 1],
        ['t-a', 2],
      ])
      expect(await keys('run')).toEqual([
        ['r-2', 1],
        ['r-1', 2],
      ])
      expect(await keys('profile')).toEqual([
        ['reviewer', 1],
        ['general', 2],
      ])
      expect(await keys('driver')).toEqual([
        ['command', 2],
        ['codex', 1],
      ])
      expect(await keys('day')).toEqual([
        ['2026-11-21', 1],
        ['2026-11-20', 2],
      ])
    })

    it('is that of a run, of a task, since a time, of the newest', async () => {
      const store = current()
      await threeAttempts(store)
      const ask = async (query: object) =>
        (await store.tasks.usage({ now: NOON + DAY, by: 'agent', ...query })).map(({ key }) => key)
      expect(await ask({ runId: 'r-2' })).toEqual(['agent-t-b-1'])
      expect(await ask({ taskId: 't-a' })).toEqual(['agent-t-a-2', 'agent-t-a-1'])
      expect(await ask({ taskId: 't-a', runId: 'r-2' })).toEqual([])
      expect(await ask({ since: NOON + 1_000 })).toEqual(['agent-t-b-1', 'agent-t-a-2'])
      expect(await ask({ since: NOON + 1_001 })).toEqual(['agent-t-b-1'])
      expect(await ask({ limit: 2 })).toEqual(['agent-t-b-1', 'agent-t-a-2'])
      expect(await ask({ runId: `'; DROP TABLE attempts --` })).toEqual([])
    })

    it('has no cost where no program tells one', async () => {
      const store = current()
      await threeAttempts(store)
      const [sum] = await store.tasks.usage({ now: NOON, by: 'agent', taskId: 't-a' })
      expect(sum).toMatchObject({ key: 'agent-t-a-2', withoutCost: 1 })
      expect(sum?.usage).not.toHaveProperty('costUsd')
    })
  })
}

/** Two of t-a, the second by another program that tells no cost, and a day later one of t-b that goes on. */
async function threeAttempts(store: Store): Promise<void> {
  await submit(store, { ids: ['t-a'] })
  await submit(store, { ids: ['t-b'], run: 'r-2', spec: { profile: 'reviewer', priority: -1 } })
  const attempt = async (now: number, more: { driver?: string; costUsd?: number }) => {
    const { fence } = await claim(store, { now, leaseMs: 2 * DAY })
    const { costUsd, driver } = more
    const usage = { ...USED, ...(costUsd !== undefined && { costUsd }) }
    await store.tasks.progress(fence, { attempt: { usage, ...(driver && { driver }) } })
    return fence
  }
  const first = await attempt(NOON, { costUsd: 0.5 })
  await store.tasks.fail(first, NOON + 1_000, { reason: REASON, retryAt: NOON + 1_000 })
  const second = await attempt(NOON + 1_000, { driver: 'codex' })
  await store.tasks.fail(second, NOON + 3_000, { reason: REASON, retryAt: NOON, final: true })
  await attempt(NOON + DAY, { costUsd: 0.25 })
}

/** The same sums from all that there is, for the model. */
export async function sumsByHand(store: Store, tasks: Iterable<Task>, now: number): Promise<UsageSum[]> {
  const sums: UsageSum[] = []
  for (const { id } of tasks) {
    const attempts = await store.tasks.attempts(id)
    if (attempts.length > 0) sums.push(sumOf(id, attempts, now))
  }
  return sums
}

function sumOf(key: TaskId | RunId, attempts: Attempt[], now: number): UsageSum {
  const agentMs = attempts.reduce((sum, it) => sum + (it.endedAt ?? now) - it.startedAt, 0)
  return { key, agents: attempts.length, withoutCost: attempts.length, agentMs, usage: NO_USAGE }
}
