import { OrchError } from '../../../errors.ts'
import type { Mailboxes, Upkeep } from '../../store.ts'
import type { ImageWriter } from '../../transfer.ts'
import { storeError } from '../connection/failure.ts'
import type { RedisTools } from '../tools.ts'
import { findings, MOST_FINDINGS } from './check.ts'
import { createDump } from './dump.ts'
import { createPrune } from './prune.ts'

/** @param write makes the file of a backup; only the embedded store knows how */
export function createUpkeep(
  tools: RedisTools,
  mailboxes: Pick<Mailboxes, 'history'>,
  write?: ImageWriter,
): Upkeep {
  const dump = createDump(tools, mailboxes.history)
  const newest = async () => Number((await tools.redis.get(`${tools.prefix}seq`)) ?? 0)

  /** The whole of it while others work, and then what they changed meanwhile, until a piece of that is the last one. */
  async function copy(put: Parameters<Parameters<ImageWriter>[1]>[0]): Promise<void> {
    try {
      const from = await newest()
      for await (const records of dump.records()) put(records)
      for await (const records of dump.events(from)) put(records)
      for await (const records of dump.changes(from)) put(records)
    } catch (error) {
      throw storeError(error)
    }
  }

  return {
    async backup(file) {
      if (!write) throw new OrchError('E_INTERNAL', 'this store was opened without a way to write files')
      return await write(file, copy)
    },
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
