import type { RouteName } from './contract.ts'

/** What HTTP and lines have in common on the caller's side. */

export interface CallOptions {
  signal?: AbortSignal
  /** ms until E_TIMEOUT. Default ten minutes: a merge or a backup may take its time. */
  timeoutMs?: number
}
export const TIMEOUT_MS = 600_000

/** What a caller gives for a verb. */
export interface Parts {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  bearer?: string
  body?: unknown
}

/** One way to have a verb answered. @throws OrchError what the daemon answered, E_DAEMON, E_TIMEOUT */
export type Ask = (name: RouteName, input: Parts, options: CallOptions) => Promise<unknown>
export interface Asker {
  ask: Ask
  close(): void
}

/** Values as they stand in a path; without those that were not given. */
export function asText(values: Record<string, unknown>): Record<string, string> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given.map(([key, value]) => [key, String(value)]))
}
