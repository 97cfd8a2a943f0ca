import type { Usage } from '../../task/task.ts'
import type { Spent } from './messages.ts'

/** Sums up what the answers of the model in one attempt took; each is a turn. */
export function createPiLedger() {
  const sum = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, turns: 0 }
  let cost = 0
  return {
    add({ input, output, cacheRead, cacheWrite, cost: { total } }: Spent): void {
      sum.inputTokens += input
      sum.outputTokens += output
      sum.cacheReadTokens += cacheRead
      sum.cacheWriteTokens += cacheWrite
      sum.turns++
      cost += total
    },
    /** Without a cost when it knows no price. */
    total: (): Partial<Usage> => ({ ...sum, ...(cost > 0 && { costUsd: cost }) }),
  }
}
