import {
  newPull,
  noPull,
  type PullChange,
  type PullRecord,
  type PullRequestRecords,
  pullVerbs,
} from '../../../forge/local/records.ts'
import type { Fence } from '../../../task/task.ts'
import { storeError } from '../connection/failure.ts'
import { type EventRow, eventRow } from '../journal/row.ts'
import { EXPECT_HELD } from '../lua/task-hold.ts'
import type { RedisTools } from '../tools.ts'

/** So many records are one answer of Redis. */
const PIECE = 200

/**
 * Hashes: `pulls:REPO` number → record, `pulls-open:REPO` head → number of the open one, `pulls` repository → its last number.
 * A record is put in the place of another only when that is still the one that was read.
 */
const OPEN = `
expect_held(A.fence)
local open = redis.call('HGET', P .. 'pulls-open:' .. A.repo, A.head)
if open then return '{"there":' .. redis.call('HGET', P .. 'pulls:' .. A.repo, open) .. '}' end
local last = tonumber(redis.call('HGET', P .. 'pulls', A.repo) or 0)
if last + 1 ~= A.number then return '{"last":' .. last .. '}' end
redis.call('HSET', P .. 'pulls', A.repo, A.number)
redis.call('HSET', P .. 'pulls:' .. A.repo, A.number, A.record)
redis.call('HSET', P .. 'pulls-open:' .. A.repo, A.head, A.number)
append(A.event)
return '{}'`

const CHANGE = `
expect_held(A.fence)
local key = P .. 'pulls:' .. A.repo
if redis.call('HGET', key, A.number) ~= A.was then return 'false' end
redis.call('HSET', key, A.number, A.record)
if A.state ~= 'open' and redis.call('HGET', P .. 'pulls-open:' .. A.repo, A.head) == tostring(A.number) then
  redis.call('HDEL', P .. 'pulls-open:' .. A.repo, A.head)
end
append(A.event)
return 'true'`

interface Holder {
  id: string
  epoch: string
  host: string
}
interface Opening {
  fence?: Holder
  repo: string
  head: string
  number: number
  record: string
  event: EventRow
}
type Opened = { there?: PullRecord; last?: number }
type Changing = Omit<Opening, 'number'> & { number: string; was: string; state: string }

export function createPullRequestRecords({ redis, scripts, prefix }: RedisTools): PullRequestRecords {
  const put = scripts.define<Opening, Opened>('orchOpenPull', [EXPECT_HELD], OPEN)
  const change = scripts.define<Changing, boolean>('orchChangePull', [EXPECT_HELD], CHANGE)
  const expectHeld = scripts.define<Holder, undefined>('orchExpectHeld', [EXPECT_HELD], 'expect_held(A)', {
    evenWhenFull: true,
  })
  const asked = <T>(answer: Promise<T>) => answer.catch((error) => Promise.reject(storeError(error)))
  const text = (repo: string, number: number) => asked(redis.hget(`${prefix}pulls:${repo}`, `${number}`))

  async function update(
    repo: string,
    number: number,
    decide: (record: PullRecord) => PullChange | undefined,
    fence?: Fence,
  ): Promise<PullRecord> {
    const held = holderOf(fence)
    if (held.fence) await expectHeld(held.fence) // also when nothing is to be changed
    for (;;) {
      const was = await text(repo, number)
      if (was === null) throw noPull(repo, number)
      const found = JSON.parse(was) as PullRecord
      const changed = decide(found)
      if (!changed) return found
      const { record, event } = changed
      const { head, state } = record
      const now = { record: JSON.stringify(record), event: eventRow(event), ...held }
      if (await change({ repo, number: `${number}`, head, state, was, ...now })) return record
    }
  }

  /** From the newest down. */
  async function all(repo: string): Promise<PullRecord[]> {
    const found: PullRecord[] = []
    const last = Number((await asked(redis.hget(`${prefix}pulls`, repo))) ?? 0)
    for (let upTo = last; upTo > 0; upTo -= PIECE) {
      const numbers = Array.from({ length: Math.min(PIECE, upTo) }, (_, n) => `${upTo - n}`)
      for (const record of await asked(redis.hmget(`${prefix}pulls:${repo}`, ...numbers)))
        if (record !== null) found.push(JSON.parse(record) as PullRecord)
    }
    return found
  }

  return {
    async open(repo, request, now, fence) {
      for (let number = 1; ; ) {
        const { record, event } = newPull(repo, number, request, now)
        const own = { record: JSON.stringify(record), event: eventRow(event), ...holderOf(fence) }
        const { there, last } = await put({ repo, head: request.head, number, ...own })
        if (there) return { record: there, created: false }
        if (last === undefined) return { record, created: true }
        number = last + 1
      }
    },
    async get(repo, number) {
      const record = await text(repo, number)
      return record === null ? undefined : (JSON.parse(record) as PullRecord)
    },
    async list(repo, { head, state } = {}) {
      if (head !== undefined && state === 'open') {
        const number = await asked(redis.hget(`${prefix}pulls-open:${repo}`, head))
        const record = number === null ? null : await text(repo, Number(number))
        const found = record === null ? [] : [JSON.parse(record) as PullRecord]
        return found.filter((it) => it.state === state) // it may have ended between the two looks
      }
      const records = await all(repo)
      return records.filter((it) => (!head || it.head === head) && (!state || it.state === state))
    },
    ...pullVerbs(update),
  }
}

const holderOf = (fence?: Fence): { fence?: Holder } =>
  fence ? { fence: { id: fence.taskId, epoch: `${fence.epoch}`, host: fence.host } } : {}
