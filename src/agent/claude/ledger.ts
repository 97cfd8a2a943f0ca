import type { Usage } from '../../task/task.ts'
import type { ResultMessage, Spent } from './messages.ts'

/** Sums up what the turns of one attempt took. */
export function createLedger() {
  let spent: Spent = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0 }
  let turns = 0
  return {
    /** Gives the usage of all turns so far. */
    add(result: ResultMessage): Partial<Usage> {
      spent = result.latest ? sum(spent, result.latest) : result.session
      turns += result.turns
      return { ...spent, turns }
    },
  }
}

function sum(one: Spent, other: Spent): Spent {
  return {
    inputTokens: one.inputTokens + other.inputTokens,
    outputTokens: one.outputTokens + other.outputTokens,
    cacheReadTokens: one.cacheReadTokens + other.cacheReadTokens,
    cacheWriteTokens: one.cacheWriteTokens + other.cacheWriteTokens,
    costUsd: (one.costUsd ?? 0) + (other.costUsd ?? 0),
  }
}
