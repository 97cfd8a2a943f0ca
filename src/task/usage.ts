import type { RunId, TaskId } from '../id.ts'
import type { Usage } from './task.ts'

/** What attempts have used, summed up. */

export const USAGE_KEYS = ['agent', 'task', 'run', 'profile', 'driver', 'day'] as const
/** What sums are told by. A day is that (in UTC) on which an attempt began. */
export type UsageKey = (typeof USAGE_KEYS)[number]

export interface UsageQuery {
  /** What the time of attempts that go on is told until, in ms since the epoch. */
  now: number
  /** One sum for each; one over all when absent, and none when there is no attempt. */
  by?: UsageKey
  runId?: RunId
  taskId?: TaskId
  /** Only attempts that began then or later, in ms since the epoch. */
  since?: number
  /** The sums of the newest. Default: all. */
  limit?: number
}

export interface UsageSum {
  /** An agent's name, an id, a profile, a driver or a day (`2026-11-21`); empty for the sum over all. */
  key: string
  /** Each attempt is one agent. */
  agents: number
  /** Agents whose program tells no cost; their part is missing from `usage.costUsd`, which is absent when it is all. */
  withoutCost: number
  /** Wall time of all attempts together, in ms, until now for those that go on. */
  agentMs: number
  usage: Usage
}
