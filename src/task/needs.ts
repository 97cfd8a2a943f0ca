import type { TaskSpec } from './task.ts'

/** What a task needs of the host that takes it, in words that a host says of itself (`Host.offers`). */

/** Programs that a task brings itself (`argv`): every host can try them. */
const OWN_PROGRAM = new Set(['command', 'acp'])

export const labelNeed = (label: string): string => `label:${label}`
export const driverNeed = (driver: string): string => `driver:${driver}`
export const hostNeed = (host: string): string => `host:${host}`

/** Sorted, each once. */
export function needsOf({
  labels = [],
  driver,
  source,
}: Pick<TaskSpec, 'labels' | 'driver' | 'source'>): string[] {
  const needs = labels.map(labelNeed)
  if (source?.bound !== undefined) needs.push(hostNeed(source.host))
  if (!OWN_PROGRAM.has(driver)) needs.push(driverNeed(driver))
  return [...new Set(needs)].sort()
}

/** Whether a host that offers this may take the task. */
export const suits = (needs: readonly string[], offers: ReadonlySet<string>): boolean =>
  needs.every((need) => offers.has(need))
