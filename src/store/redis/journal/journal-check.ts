import type { TaskEventType } from '../../../journal/journal.ts'
import { STATE_AFTER } from '../../state-after.ts'
import { CHECK_EVENTS, LAST_ARROWS } from '../lua/journal-check.ts'
import { PLACE } from '../lua/prune.ts'
import type { RedisTools } from '../tools.ts'

const PIECE = 100
const WHEN_FULL = { evenWhenFull: true } as const

interface Looked {
  found: string[]
  texts: [seq: number, data: string][]
  after: number
  done: boolean
}
type Said = [id: string, state: string, type: TaskEventType | '']

/** The journal with its indexes, and whether it says of each task what its record says. In pieces, each of one moment. */
export async function* checkJournal(tools: RedisTools): AsyncGenerator<string> {
  const { redis, prefix, scripts } = tools
  const look = scripts.define<{ after: number; piece: number; forgotten: number }, Looked>(
    'orchCheckEvents',
    [PLACE],
    CHECK_EVENTS,
    WHEN_FULL,
  )
  // What came before it may be of tasks and runs that are forgotten.
  const forgotten = Number((await redis.lindex(`${prefix}journal:type:store.pruned`, -1)) ?? 0)
  for (let after = 0; ; ) {
    const { found, texts, after: last, done } = await look({ after, piece: PIECE, forgotten })
    yield* listOf(found)
    for (const [seq, data] of listOf(texts)) if (!isJson(data)) yield `event ${seq}: the data is not readable`
    if (done) break
    after = last
  }
  yield* checkArrows(tools)
}

async function* checkArrows({ redis, prefix, scripts }: RedisTools): AsyncGenerator<string> {
  const said = scripts.define<{ ids: string[]; arrows: object }, Said[]>(
    'orchLastArrows',
    [],
    LAST_ARROWS,
    WHEN_FULL,
  )
  const arrows = Object.fromEntries(Object.keys(STATE_AFTER).map((type) => [type, true]))
  for (let from = 0; ; from += PIECE) {
    const ids = await redis.zrange(`${prefix}tasks`, from, String(from + PIECE - 1))
    if (ids.length === 0) return
    for (const [id, state, type] of await said({ ids, arrows }))
      if (state && type && STATE_AFTER[type] !== state)
        yield `task ${id}: it is ${state}, but the journal says ${type} last`
  }
}

/** cjson makes `{}` of an empty list. */
const listOf = <T>(list: T[]): T[] => (Array.isArray(list) ? list : [])

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
