import type { Store } from '../store.ts'
import type { ImageWriter } from '../transfer.ts'
import { connectRedis, type RedisPlace } from './connection/connection.ts'
import { examineRedis, refuseTroubles } from './connection/examine.ts'
import { createExchange } from './exchange/exchange.ts'
import { createHostRegistry } from './exchange/hosts.ts'
import { createJournal } from './journal/journal.ts'
import { createMailboxes } from './mail/mailboxes.ts'
import { createPullRequestRecords } from './pulls/pulls.ts'
import { newLife } from './script/life.ts'
import { createScripts } from './script/script.ts'
import { createTaskStore } from './tasks/tasks.ts'
import type { RedisTools } from './tools.ts'
import { refuseMoved } from './upkeep/transfer.ts'
import { createUpkeep } from './upkeep/upkeep.ts'

export interface RedisStoreOptions extends RedisPlace {
  /** Hosts with the same name here work together. */
  cluster: string
  /** How long leases of tasks are at most, in ms (30,000): for so long nothing is claimed after Redis has begun anew. */
  leaseMs?: number
  /** Makes the files of backups. */
  image?: ImageWriter
}

/**
 * The store that several hosts share. Each verb is one Lua script: done as a whole or not at all, and in the memory (and, by
 * its settings, the append-only file) of Redis before the promise resolves; docs/guarantees.md tells what that is worth.
 * @throws OrchError E_STORE_DOWN, E_PROGRAM_MISSING, E_PROGRAM_OLD, E_CONFIG (a replica, one that evicts, a user with too few rights)
 */
export async function openRedisStore({
  cluster,
  leaseMs = 30_000,
  image,
  ...place
}: RedisStoreOptions): Promise<Store> {
  const connection = await connectRedis(place)
  const { redis } = connection
  const prefix = `{${cluster}}:`
  const life = newLife(leaseMs)
  const scripts = createScripts(redis, prefix, life)
  const tools: RedisTools = {
    redis,
    connection,
    prefix,
    scripts,
    life,
    log: place.log,
  }
  const journal = createJournal(tools)
  const mailboxes = createMailboxes(tools)
  const exchange = createExchange(tools)
  const tasks = createTaskStore(tools)
  const pulls = createPullRequestRecords(tools)
  try {
    refuseTroubles(await examineRedis(redis, prefix))
    await refuseMoved(redis, prefix)
    await exchange.begin()
  } catch (error) {
    await connection.end()
    throw error
  }
  return {
    tasks,
    journal,
    pulls,
    mailboxes,
    hosts: createHostRegistry(tools),
    exchange,
    upkeep: createUpkeep(tools, mailboxes, image),
    async close() {
      await scripts.close()
      await Promise.all([journal.close(), mailboxes.end(), exchange.close()])
      await connection.end()
    },
  }
}
