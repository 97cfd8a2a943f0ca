import type { Redis } from 'ioredis'
import { OrchError } from '../../../errors.ts'
import type { Host } from '../../store.ts'
import type { StoreRecord } from '../../transfer.ts'
import { connectRedis, type RedisPlace } from '../connection/connection.ts'
import { examineRedis, refuseTroubles } from '../connection/examine.ts'
import { storeError } from '../connection/failure.ts'
import { createHostRegistry } from '../exchange/hosts.ts'
import { createMailboxes } from '../mail/mailboxes.ts'
import { newLife } from '../script/life.ts'
import { createScripts } from '../script/script.ts'
import type { RedisTools } from '../tools.ts'
import { createDump } from './dump.ts'
import { createLoad } from './load.ts'

/**
 * `empty`: no runs, pull requests and messages; `incomplete`: something was being moved here, and that was interrupted; `moved`: what is here went somewhere else
 * since; `used`. Nobody opens a store that is incomplete or moved.
 */
export type TargetState = 'empty' | 'incomplete' | 'moved' | 'used'

/** A shared store that nobody works with, to be read or written as a whole. All verbs throw OrchError E_STORE, E_STORE_DOWN. */
export interface ClusterToMove {
  state(): Promise<TargetState>
  hosts(): Promise<Host[]>
  /** Seq of the newest event: nobody has worked as long as it stays. */
  last(): Promise<number>
  dump(): AsyncGenerator<StoreRecord[]>
  /** Forgets what is there and marks it as incomplete, until `complete`. */
  begin(): Promise<void>
  put(records: readonly StoreRecord[]): Promise<void>
  finish(): Promise<void>
  complete(): Promise<void>
  /** From now on it is the copy that was left behind. */
  markMoved(now: number): Promise<void>
  close(): Promise<void>
}

/** Beside the keys of the store: `STATE TIME`. */
const MARK = 'moving'
const CONTENT = ['runs', 'pulls']

/** @throws OrchError E_STORE when something was moved here and not to the end, or away from here */
export async function refuseMoved(redis: Redis, prefix: string): Promise<void> {
  const mark = await redis.get(`${prefix}${MARK}`)
  if (mark?.startsWith('incomplete'))
    throw new OrchError('E_STORE', 'a store is being moved to this cluster, or that was interrupted', {
      fix: 'Run `orch migrate --to redis` again; it begins anew.',
    })
  if (mark?.startsWith('moved'))
    throw new OrchError('E_STORE', 'this store was moved away: what is in Redis is the copy that was left', {
      fix: 'Remove the setting redis, or set another `cluster`; `orch migrate --to redis --replace` moves it back here.',
    })
}

/** @throws OrchError E_STORE_DOWN, E_PROGRAM_MISSING, E_PROGRAM_OLD, E_CONFIG */
export async function openClusterToMove({
  cluster,
  ...place
}: RedisPlace & { cluster: string }): Promise<ClusterToMove> {
  const connection = await connectRedis(place)
  const { redis } = connection
  const prefix = `{${cluster}}:`
  const life = newLife(0)
  const tools: RedisTools = {
    ...{ redis, connection, prefix, life, log: place.log },
    scripts: createScripts(redis, prefix, life),
  }
  const mailboxes = createMailboxes(tools)
  const close = async () => {
    await mailboxes.end()
    connection.end()
  }
  try {
    refuseTroubles(await examineRedis(redis, prefix))
  } catch (error) {
    await close()
    throw error
  }
  const dump = createDump(tools, mailboxes.history)
  const load = createLoad(tools)
  const asked = <T>(answer: Promise<T>) => answer.catch((error) => Promise.reject(storeError(error)))
  const last = async () => Number((await asked(redis.get(`${prefix}seq`))) ?? 0)
  const mark = (state: string) => asked(redis.set(`${prefix}${MARK}`, state))
  return {
    async state() {
      const known = (await asked(redis.get(`${prefix}${MARK}`)))?.split(' ')[0]
      if (known === 'incomplete' || known === 'moved') return known
      const keys = CONTENT.map((key) => `${prefix}${key}`)
      if ((await asked(redis.exists(...keys))) > 0) return 'used'
      return (await mailboxes.history({ limit: 1 })).length > 0 ? 'used' : 'empty'
    },
    hosts: () => createHostRegistry(tools).list(),
    last,
    async *dump() {
      yield* dump.records()
      yield* dump.events(await last())
    },
    async begin() {
      await mark('incomplete')
      await asked(clear(redis, prefix))
      life.seen = 0 // of what was there before
    },
    put: load.put,
    finish: load.finish,
    complete: async () => void (await asked(redis.del(`${prefix}${MARK}`))),
    markMoved: async (now) => void (await mark(`moved ${now}`)),
    close,
  }
}

/** All but the mark, in pieces. */
async function clear(redis: Redis, prefix: string): Promise<void> {
  const pattern = `${prefix.replace(/[*?[\]\\]/g, '\\$&')}*`
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 500)
    const gone = keys.filter((key) => key !== `${prefix}${MARK}`)
    if (gone.length > 0) await redis.unlink(...gone)
    if (next === '0') return
    cursor = next
  }
}
