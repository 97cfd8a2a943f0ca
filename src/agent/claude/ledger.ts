import type { Usage } from '../../task/task.ts'
import type { ResultMessage, Spent } from './messages.ts'

/** Sums up what the turns of one attempt took. */
export function createLedger() {
  /** By the processes before this one, and by this one. */
  let before = NOTHING
  let spent = NOTHING
  let turns = 0
  return {
    /** Gives the usage of all turns so far. */
    add(result: ResultMessage): Partial<Usage> {
      spent = result.latest ? sum(spent, result.latest) : sum(before, result.session)
      turns += result.turns
      return { ...spent, turns }
    },
    nextProcess(): void {
      before = spent
    },
  }
}

const NOTHING: Spent = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }

function sum(one: Spent, other: Spent): Spent {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    costUsd: (one.costUsd ?? 0) + (other.costUsd ?? 0),
  }
}
