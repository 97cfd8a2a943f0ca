import type { Retention } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { BOX_FORGET } from '../lua/mail-keep.ts'
import { CUT, FORGET_RUN, IS_OLD, IS_OPEN, OLD_RUNS, PLACE, THIN } from '../lua/prune.ts'
import { TASK_FORGET } from '../lua/task-forget.ts'
import type { RedisTools } from '../tools.ts'

/** So much is done in one script: a few milliseconds, between which all others have their turn. */
const EVENTS = 250
const RUNS = 100
const TASKS = 25

interface Window {
  after: number
  upTo: number
  piece: number
}
type Cut = { cut: number; beyond: number; after: number; done: boolean }
type Forgotten = { gone: number; more: boolean }

/** Forgets what is old; `store.pruned` is written before the first that goes. Safe to be done by several hosts at once. */
export function createPrune({ redis, scripts, prefix }: RedisTools) {
  const freeing = { evenWhenFull: true } as const
  const look = scripts.define<Window & { beyond: number; before: number }, Cut>(
    'orchCut',
    [IS_OPEN],
    CUT,
    freeing,
  )
  const thin = scripts.define<Window, { gone: number; after: number }>(
    'orchThin',
    [IS_OPEN, PLACE],
    THIN,
    freeing,
  )
  const oldRuns = scripts.define<
    { after: string; before: number; piece: number },
    { found: string[]; after: string; done: boolean }
  >('orchOldRuns', [], OLD_RUNS, freeing)
  const old = scripts.define<{ run: string; before: number }, boolean>(
    'orchIsOld',
    [IS_OPEN, IS_OLD],
    'return cjson.encode(is_old(A.run, A.before))',
    freeing,
  )
  const forget = scripts.define<{ run: string; before: number; piece: number }, Forgotten>(
    'orchForgetRun',
    [IS_OPEN, IS_OLD, BOX_FORGET, TASK_FORGET],
    FORGET_RUN,
    freeing,
  )
  const note = scripts.define<{ event: EventRow }, void>('orchPruned', [], 'append(A.event)', freeing)

  /** The last event that goes, 0 when none does: its own word alone is not worth another one. */
  async function cutOf(bounds: Retention): Promise<number> {
    const key = `${prefix}journal`
    const newest = Number.parseInt((await redis.xrevrange(key, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0', 10)
    let beyond = (await redis.xlen(key)) - Math.max(1, bounds.events)
    let cut = 0
    for (let after = 0; after < newest - 1; ) {
      const window = { after, upTo: newest - 1, piece: EVENTS }
      const seen = await look({ ...window, beyond, before: bounds.eventsBefore })
      if (seen.cut > 0) cut = seen.cut
      if (seen.done) break
      beyond = seen.beyond
      after = seen.after
    }
    return cut
  }

  async function pruneEvents(upTo: number): Promise<number> {
    let gone = 0
    for (let after = 0; after < upTo; ) {
      const piece = await thin({ after, upTo, piece: EVENTS })
      gone += piece.gone
      after = piece.after
    }
    return gone
  }

  async function* runsToForget(before: number): AsyncGenerator<string> {
    for (let after = '-inf'; ; ) {
      const piece = await oldRuns({ after, before, piece: RUNS })
      for (const run of Array.isArray(piece.found) ? piece.found : [])
        if (await old({ run, before })) yield run
      if (piece.done) return
      after = piece.after
    }
  }

  return async (bounds: Retention): Promise<{ events: number; tasks: number }> => {
    const upTo = await cutOf(bounds).catch((error) => Promise.reject(storeError(error)))
    const { now, tasksBefore: before } = bounds
    let said = false
    const say = async () => {
      if (said) return
      said = true
      await note({ event: eventRow({ type: 'store.pruned', at: now, data: { upTo } }) })
    }
    let tasks = 0
    for await (const run of runsToForget(before)) {
      await say()
      for (let more = true; more; ) {
        const piece = await forget({ run, before, piece: TASKS })
        tasks += piece.gone
        more = piece.more
      }
    }
    if (upTo > 0) await say()
    return { events: await pruneEvents(upTo), tasks }
  }
}
