import { type Attempt, NO_USAGE, type Usage } from '../../../task/task.ts'
import type { UsageKey, UsageQuery, UsageSum } from '../../../task/usage.ts'
import type { TaskStore } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import { USED_BY } from '../lua/task-read.ts'
import { ATTEMPT_ROW } from '../lua/task-row.ts'
import type { RedisTools } from '../tools.ts'
import { WHEN_FULL } from './record.ts'

/** An attempt, the profile and the driver that were asked for, and the place of its task. */
type UsedRow = [attempt: Attempt, profile: string, driver: string, ord: number]

interface Sum extends UsageSum {
  newest: number
  ord: number
}

const PIECE = 500
const FIGURES = [
  'inputTokens',
  'outputTokens',
  'cacheReadTokens',
  'cacheWriteTokens',
  'turns',
  'toolCalls',
] as const

const KEYS: Record<UsageKey, (row: UsedRow) => string> = {
  agent: ([{ agent }]) => agent,
  task: ([{ taskId }]) => taskId,
  run: ([{ runId }]) => runId,
  profile: ([, profile]) => profile,
  driver: ([{ driver }, , asked]) => driver ?? asked,
  day: ([{ startedAt }]) => new Date(startedAt).toISOString().slice(0, 10),
}

/** Sums of attempts, read in pieces. */
export function createUsage({ redis, prefix, scripts }: RedisTools): TaskStore['usage'] {
  const used = scripts.define<{ attempts: string[]; run: string }, UsedRow[]>(
    'orchUsed',
    [ATTEMPT_ROW],
    USED_BY,
    WHEN_FULL,
  )

  /** Names of attempts, `TASK:EPOCH`. */
  async function named({ runId, taskId, since }: UsageQuery): Promise<string[]> {
    if (!taskId && !runId)
      return await redis.zrangebyscore(`${prefix}attempts`, String(since ?? '-inf'), '+inf')
    const ids = taskId ? [taskId] : await redis.zrange(`${prefix}tasks:run:${runId}`, 0, '-1')
    const epochs = await Promise.all(ids.map((id) => redis.hget(`${prefix}task:${id}`, 'epoch')))
    return ids.flatMap((id, n) =>
      Array.from({ length: Number(epochs[n] ?? 0) }, (_, at) => `${id}:${at + 1}`),
    )
  }

  return async (query) => {
    const sums = new Map<string, Sum>()
    const names = await named(query).catch((error) => Promise.reject(storeError(error)))
    for (let from = 0; from < names.length; from += PIECE) {
      const rows = await used({ attempts: names.slice(from, from + PIECE), run: query.runId ?? '' })
      for (const row of rows) if (row[0].startedAt >= (query.since ?? 0)) add(sums, row, query)
    }
    const sorted = [...sums.values()].sort(
      (a, b) => b.newest - a.newest || b.ord - a.ord || (a.key < b.key ? -1 : 1),
    )
    return sorted.slice(0, query.limit).map(({ newest: _, ord: __, ...sum }) => sum)
  }
}

function add(sums: Map<string, Sum>, row: UsedRow, { by, now }: UsageQuery): void {
  const [{ startedAt, endedAt, usage }, , , ord] = row
  const key = by ? KEYS[by](row) : ''
  const sum = sums.get(key) ?? none(key)
  sums.set(key, {
    key,
    agents: sum.agents + 1,
    withoutCost: sum.withoutCost + (usage.costUsd === undefined ? 1 : 0),
    agentMs: sum.agentMs + (endedAt ?? now) - startedAt,
    usage: plus(sum.usage, usage),
    newest: Math.max(sum.newest, startedAt),
    ord: Math.max(sum.ord, ord),
  })
}

const none = (key: string): Sum => ({
  key,
  agents: 0,
  withoutCost: 0,
  agentMs: 0,
  usage: NO_USAGE,
  newest: 0,
  ord: 0,
})

function plus(one: Usage, other: Usage): Usage {
  const sum = { ...one }
  for (const figure of FIGURES) sum[figure] += other[figure] ?? 0
  if (other.costUsd !== undefined) sum.costUsd = (one.costUsd ?? 0) + other.costUsd
  return sum
}
