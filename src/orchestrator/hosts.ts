import type { Host } from '../store/store.ts'
import { needsOf, suits } from '../task/needs.ts'
import type { TaskSpec } from '../task/task.ts'

/** The hosts that take tasks of this store, this one among them. */
export interface Hosts {
  /** What this host has and tasks may need; undefined = whatever they need. */
  offers(): readonly string[] | undefined
  /** By name; this one as it is now. */
  known(): Promise<Host[]>
}

/** What a task needs and none of these hosts has; all that it needs when each has some of it but none has all. Empty = somebody can take it. */
export function unmetNeeds(
  spec: Pick<TaskSpec, 'labels' | 'driver' | 'source'>,
  hosts: readonly Host[],
): string[] {
  const needs = needsOf(spec)
  if (hosts.some(({ offers }) => suits(needs, new Set(offers)))) return []
  const missing = needs.filter((need) => !hosts.some(({ offers }) => offers.includes(need)))
  return missing.length > 0 ? missing : needs
}
