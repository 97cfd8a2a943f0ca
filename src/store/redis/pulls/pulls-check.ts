import type { PullRecord } from '../../../forge/local/records.ts'
import type { RedisTools } from '../tools.ts'

const PIECE = 100
const STATES = ['open', 'merged', 'closed']

/** Pull requests of the local forge: each readable, in its place, and found by its branch while it is open. */
export async function* checkPulls({
  redis,
  prefix,
}: Pick<RedisTools, 'redis' | 'prefix'>): AsyncGenerator<string> {
  const faultOfPlace = async (text: string) => {
    const { repo, head, number, state } = JSON.parse(text) as PullRecord
    if (state !== 'open') return undefined
    if ((await redis.hget(`${prefix}pulls-open:${repo}`, head)) === String(number)) return undefined
    const now = await redis.hget(`${prefix}pulls:${repo}`, String(number)) // it may have ended meanwhile
    return now === text ? 'it is open, but not found by its branch' : undefined
  }
  for (const [repo, count] of Object.entries(await redis.hgetall(`${prefix}pulls`))) {
    for (let from = 1; from <= Number(count); from += PIECE) {
      const numbers = Array.from({ length: Math.min(PIECE, Number(count) - from + 1) }, (_, n) => from + n)
      const records = await redis.hmget(`${prefix}pulls:${repo}`, ...numbers.map(String))
      for (const [n, number] of numbers.entries()) {
        const record = records[n] ?? null
        const wrong = faultOf(record, repo, number) ?? (await faultOfPlace(record ?? ''))
        if (wrong) yield `pull request ${repo}#${number}: ${wrong}`
      }
    }
  }
}

function faultOf(text: string | null, repo: string, number: number): string | undefined {
  if (text === null) return 'it is not there'
  const record = parse(text)
  const sound = record?.repo === repo && record.number === number && STATES.includes(record.state)
  return sound ? undefined : 'the record is not readable, or not of that pull request'
}

function parse(text: string): PullRecord | undefined {
  try {
    return JSON.parse(text) as PullRecord
  } catch {
    return undefined
  }
}
