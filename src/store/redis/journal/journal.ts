import type { EventFilter, JournalEvent } from '../../../journal/journal.ts'
import type { Journal } from '../../store.ts'
import { storeError } from '../connection/failure.ts'
import { PLACE } from '../lua/prune.ts'
import type { Closing, RedisTools } from '../tools.ts'
import { createFollower } from './follower.ts'
import { type EventRow, eventOf, eventRow } from './row.ts'

/** So many events at most, and so many bytes, are one answer of Redis: nobody else waits longer than a few ms. */
const PIECE = 250
const PIECE_BYTES = 1_000_000

const APPEND = `
local seq
for _, e in ipairs(A.events) do seq = append(e) end
return cjson.encode({ seq = seq })`

/**
 * Seqs after A.after that the indexes name, merged, and of their events those that are there and match. `upTo` is the last
 * that was looked at, 0 when nothing is left.
 */
const READ = `
local seqs = {}
for _, name in ipairs(A.indexes) do
  local key = P .. 'journal:' .. name
  local from = place(key, A.after + 1)
  for _, seq in ipairs(redis.call('LRANGE', key, from, from + A.piece - 1)) do seqs[#seqs + 1] = tonumber(seq) end
end
table.sort(seqs)
local found, bytes, seen, upTo = {}, 0, 0, 0
for _, seq in ipairs(seqs) do
  if seen >= A.piece or bytes > A.bytes or #found >= A.limit then break end
  seen, upTo = seen + 1, seq
  local id = string.format('%.0f-0', seq)
  local entry = redis.call('XRANGE', P .. 'journal', id, id)[1]
  local fields = entry and entry[2]
  if fields and (not A.types or A.types[fields[2]]) and (not A.run or fields[6] == A.run) then
    found[#found + 1] = entry
    bytes = bytes + #fields[14]
  end
end
return cjson.encode({ found = found, upTo = upTo })`

interface Piece {
  indexes: string[]
  after: number
  piece: number
  bytes: number
  limit: number
  types?: Record<string, true>
  run?: string
}
type Entry = [id: string, fields: string[]]

/** The stream `journal`, with `SEQ-0` as its ids, and the lists of seqs by type, run and task that point into it. */
export function createJournal(tools: RedisTools): Journal & Closing {
  const { redis, scripts, prefix } = tools
  const append = scripts.define<{ events: EventRow[] }, { seq: number }>('orchAppend', [], APPEND)
  const readPiece = scripts.define<Piece, { found: Entry[]; upTo: number }>(
    'orchReadJournal',
    [PLACE],
    READ,
    {
      evenWhenFull: true,
    },
  )

  async function last(): Promise<number> {
    try {
      return Number((await redis.get(`${prefix}seq`)) ?? 0)
    } catch (error) {
      throw storeError(error)
    }
  }

  /** Along the stream itself. */
  async function readAll(after: number, limit: number): Promise<JournalEvent[]> {
    const events: JournalEvent[] = []
    for (let from = after; events.length < limit; ) {
      const most = Math.min(PIECE, limit - events.length)
      const entries = await redis.xrange(`${prefix}journal`, `(${from}-0`, '+', 'COUNT', most)
      for (const [id, fields] of entries) events.push(eventOf(id, fields))
      if (entries.length < most) break
      from = events.at(-1)?.seq ?? from
    }
    return events
  }

  async function readIndexed(indexes: string[], filter: EventFilter, after: number, limit: number) {
    const events: JournalEvent[] = []
    const { taskId, runId, types } = filter
    const wanted = {
      ...(types &&
        (taskId || runId) && { types: Object.fromEntries(types.map((it) => [it, true as const])) }),
      ...(taskId && runId && { run: runId }),
    }
    for (let from = after; events.length < limit; ) {
      const left = limit - events.length
      const piece = { indexes, after: from, piece: PIECE, bytes: PIECE_BYTES, limit: left, ...wanted }
      const { found, upTo } = await readPiece(piece)
      for (const [id, fields] of Array.isArray(found) ? found : []) events.push(eventOf(id, fields))
      if (upTo === 0) break
      from = upTo
    }
    return events
  }

  const follower = createFollower(tools, last)
  return {
    async append(events) {
      if (events.length === 0) return await last()
      return (await append({ events: events.map(eventRow) })).seq
    },
    async read({ after = 0, limit = 1_000, ...filter }) {
      const indexes = indexesOf(filter)
      if (indexes) return await readIndexed(indexes, filter, after, limit)
      return await readAll(after, limit).catch((error) => Promise.reject(storeError(error)))
    },
    last,
    subscribe: follower.subscribe,
    close: follower.close,
  }
}

/** Those that have to be walked: the narrowest one there is, or one for each type. Undefined = the journal itself. */
function indexesOf({ taskId, runId, types }: EventFilter): string[] | undefined {
  if (types?.length === 0) return []
  if (taskId) return [`task:${taskId}`]
  if (runId) return [`run:${runId}`]
  return types && [...new Set(types)].map((type) => `type:${type}`)
}
