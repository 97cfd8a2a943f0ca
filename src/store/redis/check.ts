import { checkMail } from './mail/check.ts'
import { checkTasks } from './task-check.ts'
import type { RedisTools } from './tools.ts'

/** Enough to see what is wrong, even when everything is. */
export const MOST_FINDINGS = 100
const PIECE = 500

/** What is wrong with what is written in the store, in sentences. Read in pieces, so that nobody waits for it. */
export async function* findings(tools: RedisTools): AsyncGenerator<string> {
  yield* checkEvents(tools)
  yield* checkMail(tools)
  yield* checkTasks(tools)
}

/** The journal: in order, readable, not behind its own counter. */
async function* checkEvents({ redis, prefix }: RedisTools): AsyncGenerator<string> {
  const last = Number((await redis.get(`${prefix}seq`)) ?? 0)
  for (let from = '-'; ; ) {
    const entries = await redis.xrange(`${prefix}journal`, from, '+', 'COUNT', PIECE)
    for (const [id, fields] of entries) {
      const data = fields[fields.indexOf('data') + 1]
      if (!/^\d+-0$/.test(id)) yield `event ${id}: its place is not a number`
      if (data && !isJson(data)) yield `event ${Number.parseInt(id, 10)}: the data is not readable`
    }
    const end = entries.at(-1)?.[0]
    if (end === undefined) break
    from = `(${end}`
    if (entries.length < PIECE) {
      const now = Number((await redis.get(`${prefix}seq`)) ?? 0)
      if (Number.parseInt(end, 10) > now) yield `journal: it goes on to ${end}, but counts ${last} events`
      break
    }
  }
}

export function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
