import { DELIVERY_STATES, type Delivery } from '../../../message/delivery.ts'
import { isRequest } from '../../../message/message.ts'
import { isFinal, type TaskState } from '../../../task/task.ts'
import type { RedisTools } from '../tools.ts'
import { fieldsOf } from './rows.ts'

const PIECE = 500

/** What is wrong with mailboxes and messages, in sentences. Read in pieces, so that nobody waits for it. */
export async function* checkMail(tools: RedisTools): AsyncGenerator<string> {
  for await (const name of members(tools, 'mail:boxes')) yield* checkBox(tools, name)
  for (const state of DELIVERY_STATES)
    for await (const key of keysOf(tools, `mail:${state}:*`))
      for await (const id of members(tools, key)) yield* checkMessage(tools, id, key)
}

/** What is written meanwhile may be missed, and is no fault. */
async function* members({ redis, prefix }: RedisTools, key: string): AsyncGenerator<string> {
  for (let from = '-inf'; ; ) {
    const page = await redis.zrangebyscore(`${prefix}${key}`, from, '+inf', 'WITHSCORES', 'LIMIT', 0, PIECE)
    const flat = page.flat().map(String)
    for (let at = 0; at < flat.length; at += 2) yield flat[at] ?? ''
    const last = flat.at(-1)
    if (last === undefined) return
    from = `(${last}`
  }
}

async function* keysOf({ redis, prefix }: RedisTools, pattern: string): AsyncGenerator<string> {
  const escaped = prefix.replace(/[*?[\]\\]/g, '\\$&')
  for (let cursor = '0'; ; ) {
    const [next, keys] = await redis.scan(cursor, 'MATCH', `${escaped}${pattern}`, 'COUNT', PIECE)
    for (const key of keys) yield key.slice(prefix.length)
    cursor = next
    if (cursor === '0') return
  }
}

async function* checkBox({ redis, prefix }: RedisTools, name: string): AsyncGenerator<string> {
  const key = `${prefix}box:${name}`
  const [box, waiting, leased, task] = await Promise.all([
    redis.hmget(key, 'open', 'capacity', 'direct', 'copies', 'buryTo'),
    redis.zcard(`${key}:waiting`),
    redis.zcard(`${key}:leased`),
    redis.hget(`${prefix}task:${name}`, 'state'),
  ])
  const [open, capacity, direct, copies, closing] = box
  if (open === null || capacity === null) yield `mailbox ${name}: the record is not readable`
  if (open === '1' && task && isFinal(task as TaskState))
    yield `mailbox ${name}: it is open, but its task is over`
  if (closing) return
  if (waiting + leased !== Number(direct) + Number(copies))
    yield `mailbox ${name}: the number of messages that wait there is not the one that is noted`
  if (open === '0' && waiting + leased > 0) yield `mailbox ${name}: messages wait there, and it is closed`
}

/** `key` is the index by state and type that has it. */
async function* checkMessage(tools: RedisTools, id: string, key: string): AsyncGenerator<string> {
  const { redis, prefix } = tools
  const [hash, text] = await Promise.all([
    redis.hgetall(`${prefix}message:${id}`),
    redis.get(`${prefix}text:${id}`),
  ])
  const row = Array.isArray(hash) ? fieldsOf(hash) : hash
  if (row.o === undefined) return yield `message ${id}: it is in ${key}, but not there`
  const { s: state = '', t: type = '', b: box = '', f: from = '', o: ordinal } = row
  if (key !== `mail:${state}:${type}`) return // it has moved since
  if (!isThatOne(text, { id, to: box, from, type }))
    yield `message ${id}: it is not the one that its row says`
  if (state === 'dead' && !row.re) yield `message ${id}: it is dead without a reason`
  if ((state === 'acknowledged') !== (row.a !== undefined))
    yield `message ${id}: it is acknowledged without a time, or has a time without being acknowledged`
  const list = row.u === undefined ? state : 'leased'
  const wanted: [index: string, member: string, score: string | undefined][] = [
    [`box:${box}:${list}`, id, ordinal],
    [`mail:from:${from}`, id, ordinal],
  ]
  if (row.r) wanted.push([`mail:run:${row.r}`, id, ordinal])
  if (row.k) wanted.push([`mail:correlation:${row.k}`, id, ordinal])
  if (row.u) wanted.push(['mail:leased', id, row.u])
  else if (row.e && state === 'waiting') wanted.push(['mail:expiring', id, row.e])
  if (isRequest(type as Delivery['message']['type']) && !row.ai) wanted.push(['mail:unanswered', id, ordinal])
  if (state === 'acknowledged' || state === 'dropped')
    wanted.push(['mail:settled', `${ordinal.padStart(16, '0')}:${id}`, row.at])
  const scores = await Promise.all(wanted.map(([index, member]) => redis.zscore(`${prefix}${index}`, member)))
  for (const [at, [index, , score]] of wanted.entries())
    if (Number(scores[at] ?? Number.NaN) !== Number(score))
      yield* stillThere(tools, id, row, `message ${id}: it is not at its place in ${index}`)
}

/** One that has moved since it was read is no fault. */
async function* stillThere(
  { redis, prefix }: RedisTools,
  id: string,
  row: Record<string, string>,
  finding: string,
): AsyncGenerator<string> {
  const [state, ordinal, until] = await redis.hmget(`${prefix}message:${id}`, 's', 'o', 'u')
  if (state === row.s && ordinal === row.o && (until ?? undefined) === row.u) yield finding
}

function isThatOne(text: string | null, facts: Record<string, string>): boolean {
  try {
    const message = JSON.parse(text ?? 'null') as Record<string, unknown> | null
    return message !== null && Object.entries(facts).every(([name, value]) => message[name] === value)
  } catch {
    return false
  }
}
