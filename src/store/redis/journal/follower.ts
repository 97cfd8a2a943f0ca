import type { Redis } from 'ioredis'
import type { JournalEvent } from '../../../journal/journal.ts'
import { createListeners } from '../../listeners.ts'
import type { Journal } from '../../store.ts'
import { answered, pause } from '../connection/blocking.ts'
import type { Closing, RedisTools } from '../tools.ts'
import { eventOf } from './row.ts'

const BLOCK_MS = 2_000
const PIECE = 500

interface Reader {
  /** What is up to here was there before it came. Undefined until it is known. */
  from: number | undefined
}

/**
 * Follows the journal with one blocking read, on a connection of its own that is made for the first subscriber. After a
 * loss it goes on behind the last event it gave: none twice, none left out. Is the journal shorter than that (a replica that
 * had not got the last writes took over), it goes on from its end.
 */
export function createFollower(
  { connection, prefix, log, life }: RedisTools,
  last: () => Promise<number>,
): Pick<Journal, 'subscribe'> & Closing {
  const readers = new Set<Reader>()
  const listeners = createListeners<JournalEvent[]>(log, 'a reader of the journal failed')
  const closing = new AbortController()
  let coming = Promise.resolve()
  let lowest = Number.POSITIVE_INFINITY
  let own: Redis | undefined
  let loop: Promise<void> | undefined

  /** Where it begins for a reader: asked at once, before what this process writes next, and until it is known or the reader is gone. */
  async function place(reader: Reader, redis: Redis): Promise<void> {
    while (reader.from === undefined && readers.has(reader)) {
      reader.from = await last().catch(async () => void (await pause(closing.signal)))
    }
    if (reader.from === undefined) return
    lowest = Math.min(lowest, reader.from)
    loop ??= follow(redis)
  }

  async function follow(redis: Redis): Promise<void> {
    let at = await begin()
    let lost = false
    while (!closing.signal.aborted) {
      try {
        if (lost) at = await goOnFrom(redis, at)
        lost = false
        const events = await answered(redis, closing.signal, () => readOn(redis, `${prefix}journal`, at))
        await coming
        at = events.at(-1)?.seq ?? at
        life.seen = Math.max(life.seen, at)
        listeners.tell(events)
      } catch (error) {
        if (closing.signal.aborted) return
        if (!lost) log.debug('the journal cannot be followed; trying on', { error })
        lost = true
        await pause(closing.signal)
      }
    }
  }

  async function begin(): Promise<number> {
    for (let known: Promise<void> | undefined; known !== coming; ) {
      known = coming
      await known
    }
    return lowest
  }

  async function goOnFrom(redis: Redis, at: number): Promise<number> {
    const end = Number((await answered(redis, closing.signal, () => redis.get(`${prefix}seq`))) ?? 0)
    if (end >= at) return at
    log.warn('the journal is shorter than it was', { was: at, is: end })
    for (const reader of readers) reader.from = Math.min(reader.from ?? end, end)
    return end
  }

  return {
    subscribe(listener) {
      if (closing.signal.aborted) return () => {}
      const reader: Reader = { from: undefined }
      readers.add(reader)
      const leave = listeners.add((events) => {
        const own = events.filter(({ seq }) => seq > (reader.from ?? 0))
        if (own.length > 0) listener(own)
      })
      own ??= connection.another('journal')
      coming = Promise.all([coming, place(reader, own)]).then(() => {})
      return () => {
        leave()
        readers.delete(reader)
      }
    },
    async close() {
      closing.abort()
      readers.clear()
      listeners.clear()
      own?.disconnect()
      await loop
    },
  }
}

async function readOn(redis: Redis, key: string, at: number): Promise<JournalEvent[]> {
  const streams = await redis.xread('COUNT', PIECE, 'BLOCK', BLOCK_MS, 'STREAMS', key, `${at}-0`)
  return (streams?.[0]?.[1] ?? []).map(([id, fields]) => eventOf(id, fields ?? []))
}
