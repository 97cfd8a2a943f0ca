import type { AgentEvent } from '../../journal/journal.ts'
import type { Usage } from '../../task/task.ts'
import type { Ended } from './messages.ts'

/** Sums up what the turns of an attempt took, as far as the agent tells it. */
export function createUsage() {
  const sum: Partial<Usage> = { turns: 0 }
  /** Cost of the processes before, and what this one told last. */
  let before = 0
  let cost: number | undefined
  const add = (key: Exclude<keyof Usage, 'costUsd'>, amount: number | null | undefined) => {
    if (typeof amount === 'number') sum[key] = (sum[key] ?? 0) + amount
  }
  const event = (): AgentEvent => ({
    type: 'usage',
    usage: { ...sum, ...((cost !== undefined || before > 0) && { costUsd: before + (cost ?? 0) }) },
  })
  return {
    turnEnded({ usage, _meta }: Ended): AgentEvent {
      const gemini = _meta?.quota?.token_count
      add('turns', 1)
      add('inputTokens', usage?.inputTokens ?? gemini?.input_tokens)
      add('outputTokens', usage?.outputTokens ?? gemini?.output_tokens)
      add('cacheReadTokens', usage?.cachedReadTokens)
      add('cacheWriteTokens', usage?.cachedWriteTokens)
      return event()
    },
    /** @param told cost of the session so far; other currencies than US dollars are not counted. */
    cost(told: { amount: number; currency: string } | null | undefined): AgentEvent[] {
      if (told?.currency.toUpperCase() !== 'USD' || told.amount === cost) return []
      cost = told.amount
      return [event()]
    },
    nextProcess(): void {
      before += cost ?? 0
      cost = undefined
    },
  }
}
