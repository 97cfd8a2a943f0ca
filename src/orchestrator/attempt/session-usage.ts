import type { AgentEvent } from '../../journal/journal.ts'
import type { Usage } from '../../task/task.ts'
import { driverOf } from './driver-choice.ts'
import type { Held } from './held.ts'

const TOKENS = ['inputTokens', 'outputTokens', 'cacheReadTokens', 'cacheWriteTokens'] as const

/**
 * Makes the usage of an attempt out of that of its conversation, for programs that tell only the latter: what earlier
 * attempts have used in the same conversation is theirs.
 */
export function ownUsage({ parts, task, attempt }: Held) {
  const { tellsSessionUsage = false } = driverOf(parts, task, attempt)
  return async (events: AgentEvent[], session: string | undefined): Promise<AgentEvent[]> => {
    if (!tellsSessionUsage || !session || !events.some(({ type }) => type === 'usage')) return events
    const all = await parts.store.tasks.attempts(task.id)
    const before = all.filter((it) => it.epoch < attempt.epoch && it.session === session)
    return events.map((event) =>
      event.type === 'usage'
        ? {
            ...event,
            usage: without(
              event.usage,
              before.map(({ usage }) => usage),
            ),
          }
        : event,
    )
  }
}

function without(usage: Partial<Usage>, earlier: readonly Usage[]): Partial<Usage> {
  const own = { ...usage }
  for (const figure of TOKENS) {
    const told = usage[figure]
    if (told !== undefined) own[figure] = Math.max(0, told - earlier.reduce((sum, it) => sum + it[figure], 0))
  }
  return own
}
