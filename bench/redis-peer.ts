import { setTimeout as sleep } from 'node:timers/promises'
import { Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { silentLog } from '../src/log.ts'
import { openRedisStore } from '../src/store/redis/redis.ts'
import type { Store } from '../src/store/store.ts'
import type { Fence, Task } from '../src/task/task.ts'

/**
 * One of the hosts of bench/redis.ts: `KIND PORT CLUSTER PAIR`. It says `ready`, and begins when it is told to. Times are ms of the
 * system's monotonic clock, which is one for all processes.
 */

/** How many it has completed, and when the last one. */
export interface Progress {
  done: number
  at: number
}
/** Times of messages by their number. */
export type Times = [number: number, at: number][]
export interface Begin {
  inFlight: number
  messages: number
  pauseMs: number
}

const now = () => Number(process.hrtime.bigint()) / 1e6
const tell = (value: unknown) => process.send?.(value)
const [kind = '', port = '', cluster = '', pair = ''] = process.argv.slice(2)
/** Of a pair: what one sends the other. */
const name = `${cluster}-${pair}`
const url = `redis://127.0.0.1:${port}`
const config = { url, sentinelName: 'mymaster', required: true }
const openStore = () => openRedisStore({ config, cluster, log: silentLog })
const TEXT = 'The parser takes a semicolon for the end of a file. '.repeat(4)

const progress: Progress = { done: 0, at: 0 }
function count(): void {
  progress.done++
  progress.at = now()
}
function countAloud(): void {
  setInterval(() => tell(progress), 20)
}

/** What our record beside a queue of somebody else's would cost: one script an arrow. */
const RECORD = `redis.call('HSET', KEYS[1] .. ARGV[1], 'state', ARGV[2], 'record', ARGV[3])
local seq = redis.call('INCR', KEYS[1] .. 'seq')
redis.call('XADD', KEYS[1] .. 'journal', seq .. '-0', 'type', ARGV[2], 'task', ARGV[1], 'data', ARGV[3])`

async function bull(record: boolean): Promise<(begin: Begin) => Promise<void>> {
  const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null }
  const redis = new Redis(url)
  redis.defineCommand('move', { numberOfKeys: 1, lua: RECORD })
  const { move } = redis as unknown as { move(...args: string[]): Promise<unknown> }
  const arrow = (id: string, state: string) => move.call(redis, `{${cluster}}:`, id, state, TEXT)
  return async ({ inFlight }) => {
    const work = async ({ id = '' }: { id?: string | undefined }) => {
      if (!record) return
      await arrow(id, 'leased')
      await arrow(id, 'accepted')
    }
    const worker = new Worker(cluster, work, { connection, concurrency: inFlight })
    worker.on('completed', count)
    countAloud()
  }
}

const PROOF = { answer: 'yes' }
async function finish({ tasks }: Store, fence: Fence, whole: boolean): Promise<void> {
  if (!whole) {
    await tasks.fail(fence, Date.now(), { reason: { code: 'x', message: 'x' }, retryAt: 0, final: true })
    return
  }
  await tasks.start(fence, Date.now())
  await tasks.report(fence, Date.now(), { summary: 'done' })
  await tasks.verify(fence, Date.now(), PROOF)
  await tasks.accept(fence, Date.now())
}

async function orch(whole: boolean): Promise<(begin: Begin) => Promise<void>> {
  const store = await openStore()
  const host = `host-${process.pid}`
  const agent = ({ id }: Task, epoch: number) => `agent-${id.slice(2)}-${epoch}`
  const lane = async () => {
    for (;;) {
      const claimed = await store.tasks.claim({ host, now: Date.now(), leaseMs: 60_000, agent })
      if (!claimed) return
      await finish(store, claimed.fence, whole)
      count()
    }
  }
  return async ({ inFlight }) => {
    countAloud()
    await Promise.all(Array.from({ length: inFlight }, lane))
  }
}

async function sendBare(): Promise<(begin: Begin) => Promise<void>> {
  const redis = new Redis(url)
  return ({ messages, pauseMs }) =>
    sendAll(messages, pauseMs, (number) => redis.xadd(name, '*', 'n', String(number), 'text', TEXT))
}

async function receiveBare(): Promise<(begin: Begin) => Promise<void>> {
  const redis = new Redis(url)
  const acknowledging = new Redis(url)
  await redis.xgroup('CREATE', name, 'g', '$', 'MKSTREAM')
  return async ({ messages }) => {
    const times: Times = []
    while (times.length < messages) {
      const read = await redis.xreadgroup('GROUP', 'g', 'me', 'COUNT', 10, 'BLOCK', 0, 'STREAMS', name, '>')
      for (const [id, [, number]] of entriesOf(read)) {
        times.push([Number(number), now()])
        void acknowledging.xack(name, 'g', id)
      }
    }
    tell(times)
  }
}

/** ioredis answers a list of streams, or with RESP3 a record of them. */
function entriesOf(read: unknown): [id: string, fields: string[]][] {
  const streams = Array.isArray(read) ? (read as [string, unknown][]) : Object.entries(read as object)
  return streams.flatMap(([, entries]) => entries as [string, string[]][])
}

async function sendOurs(): Promise<(begin: Begin) => Promise<void>> {
  const { mailboxes } = await openStore()
  await mailboxes.open({ name: `${name}-from`, reader: 'me', capacity: 10_000 }, Date.now())
  await mailboxes.open({ name: `${name}-to`, reader: 'you', capacity: 10_000 }, Date.now())
  return ({ messages, pauseMs }) =>
    sendAll(messages, pauseMs, (number) => mailboxes.send([messageOf(number)], Date.now()))
}

const messageOf = (number: number) => ({
  id: `m-${name}-${number}-bench`,
  version: 1 as const,
  type: 'warning' as const,
  from: `${name}-from`,
  to: `${name}-to`,
  priority: 'normal' as const,
  timestamp: new Date().toISOString(),
  retryCount: 0,
  payload: { text: TEXT, severity: 'medium', files: [] },
})

async function receiveOurs(): Promise<(begin: Begin) => Promise<void>> {
  const { mailboxes } = await openStore()
  const mailbox = `${name}-to`
  const wait = new AbortController().signal
  return async ({ messages }) => {
    const times: Times = []
    let rung = Promise.withResolvers<void>()
    let read: string[] = []
    mailboxes.onArrival((names) => {
      if (names.has(mailbox)) rung.resolve()
    })
    while (times.length < messages) {
      const waiting = rung.promise
      const order = {
        mailbox,
        reader: 'you',
        now: Date.now(),
        leaseMs: 60_000,
        limit: 10,
        acknowledge: read,
        wait,
      }
      const given = await mailboxes.lease(order)
      for (const { message } of given) times.push([Number(message.id.split('-').at(-2)), now()])
      read = given.map(({ message }) => message.id)
      if (read.length === 0) await waiting
      rung = Promise.withResolvers()
    }
    tell(times)
  }
}

async function sendAll(messages: number, pauseMs: number, send: (number: number) => Promise<unknown>) {
  const times: Times = []
  for (let number = 0; number < messages; number++) {
    times.push([number, now()])
    await send(number)
    await sleep(pauseMs)
  }
  tell(times)
}

const KINDS: Record<string, () => Promise<(begin: Begin) => Promise<void>>> = {
  bull: () => bull(false),
  'bull-record': () => bull(true),
  orch: () => orch(false),
  'orch-life': () => orch(true),
  'send-bare': sendBare,
  'receive-bare': receiveBare,
  send: sendOurs,
  receive: receiveOurs,
}

const begin = await KINDS[kind]?.()
process.on('message', (order: Begin) => void begin?.(order))
tell('ready')
