import type { UsageKey, UsageQuery, UsageSum } from '../../task/usage.ts'
import type { Database } from './database.ts'

interface SumRow {
  key: string
  agents: number
  withoutCost: number
  agentMs: number
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  costUsd: number | null
  turns: number
  toolCalls: number
}

const KEYS: Record<UsageKey, string> = {
  agent: 'a.agent',
  task: 'a.task_id',
  run: 't.run_id',
  profile: `s.spec ->> 'profile'`,
  driver: `coalesce(a.record ->> 'driver', s.spec ->> 'driver')`,
  day: `strftime('%Y-%m-%d', (a.record ->> 'startedAt') / 1000.0, 'unixepoch')`,
}
/** Specs can be long: they are read only for what is in them. */
const IN_SPEC = new Set<UsageKey | undefined>(['profile', 'driver'])

const STARTED = `(a.record ->> 'startedAt')`
const FIGURES = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens', 'turns', 'toolCalls']

/** Sums of attempts, made where they are: no record leaves the engine. */
export function sumUsage(db: Database, query: UsageQuery): UsageSum[] {
  const { sql, values } = select(query)
  return db.all<SumRow>(sql, ...values).map(toSum)
}

function select({ by, runId, taskId, since, limit = -1, now }: UsageQuery) {
  const where = ['true']
  const values: (string | number)[] = [now]
  const given = (condition: string, value: string | number | undefined) => {
    if (value === undefined) return
    where.push(condition)
    values.push(value)
  }
  given('t.run_id = ?', runId)
  given('a.task_id = ?', taskId)
  given(`${STARTED} >= ?`, since)
  const sums = FIGURES.map((name) => `sum(coalesce(a.record ->> '$.usage.${name}', 0)) AS ${name}`)
  const sql = `SELECT ${by ? KEYS[by] : `''`} AS key, count(*) AS agents,
      count(*) - count(a.record ->> '$.usage.costUsd') AS withoutCost,
      sum(coalesce(a.ended_at, ?) - ${STARTED}) AS agentMs,
      sum(a.record ->> '$.usage.costUsd') AS costUsd, ${sums.join(', ')}
    FROM attempts a JOIN tasks t ON t.id = a.task_id ${IN_SPEC.has(by) ? 'JOIN specs s USING (ordinal)' : ''}
    WHERE ${where.join(' AND ')} GROUP BY 1 ORDER BY max(${STARTED}) DESC, max(t.ordinal) DESC, 1 LIMIT ?`
  return { sql, values: [...values, limit] }
}

function toSum({ key, agents, withoutCost, agentMs, costUsd, ...usage }: SumRow): UsageSum {
  return { key, agents, withoutCost, agentMs, usage: { ...usage, ...(costUsd !== null && { costUsd }) } }
}
