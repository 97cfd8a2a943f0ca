import type { Upkeep } from '../store.ts'
import { absent } from './absent.ts'
import { findings, MOST_FINDINGS } from './check.ts'
import { storeError } from './failure.ts'
import { createPrune } from './prune.ts'
import type { RedisTools } from './tools.ts'

export function createUpkeep(tools: RedisTools): Upkeep {
  const later = absent<Upkeep>('upkeep')
  return {
    backup: later.backup,
    prune: createPrune(tools),
    async check() {
      const found: string[] = []
      try {
        for await (const finding of findings(tools)) if (found.push(finding) >= MOST_FINDINGS) break
      } catch (thrown) {
        const error = storeError(thrown)
        if (error.code === 'E_STORE_DOWN') throw error
        found.push(`cannot be read on: ${error.message}`)
      }
      return found
    },
  }
}
