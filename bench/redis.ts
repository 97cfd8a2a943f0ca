import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Queue } from 'bullmq'
import { Redis } from 'ioredis'
import { silentLog } from '../src/log.ts'
import { openRedisStore } from '../src/store/redis/redis.ts'
import { type RedisServer, startRedis } from '../test/support/redis.ts'
import { SPEC } from '../test/support/store.ts'
import type { Begin, Progress, Times } from './redis-peer.ts'

/**
 * The store that hosts share, against what it stands on, in turns in the same run: tasks claimed and completed a second by 1,
 * 2, 4 and 8 hosts (processes) against bare BullMQ; messages from one process to another against a bare XADD and a bare
 * XREADGROUP that waits; and what a waiting task and a message take of Redis. One redis-server of its own, appendfsync everysec.
 *
 *   node bench/redis.ts [--json] [--rounds 3] [--tasks 2000] [--messages 300] [--waiting 10000]
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    tasks: { type: 'string', default: '2000' },
    messages: { type: 'string', default: '300' },
    waiting: { type: 'string', default: '10000' },
  },
})
const [ROUNDS, TASKS, MESSAGES, WAITING] = [values.rounds, values.tasks, values.messages, values.waiting].map(
  Number,
) as [number, number, number, number]
const HOSTS = [1, 2, 4, 8]
/** Over all hosts together. */
const IN_FLIGHT = 48
const PAUSE_MS = 3

const children = new Set<ChildProcess>()
const now = () => Number(process.hrtime.bigint()) / 1e6
const quantile = (sorted: number[], part: number) => sorted[Math.floor(part * (sorted.length - 1))] ?? 0
const median = (numbers: number[]) =>
  quantile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  )

async function peer(kind: string, server: RedisServer, cluster: string, pair = ''): Promise<ChildProcess> {
  const argv = [kind, `${server.port}`, cluster, pair]
  const child = fork(fileURLToPath(new URL('redis-peer.ts', import.meta.url)), argv)
  children.add(child)
  await once(child, 'message')
  return child
}
function end(child: ChildProcess): void {
  child.kill('SIGKILL')
  children.delete(child)
}

/** Tasks completed a second, all of them queued before. */
async function completed(kind: string, hosts: number, server: RedisServer, name: string): Promise<number> {
  await (kind.startsWith('bull') ? addJobs(server, name) : submitTasks(server, name))
  const peers = await Promise.all(Array.from({ length: hosts }, () => peer(kind, server, name)))
  const latest = new Map<ChildProcess, Progress>()
  const all = Promise.withResolvers<number>()
  for (const child of peers)
    child.on('message', (progress: Progress) => {
      latest.set(child, progress)
      const them = [...latest.values()]
      if (them.reduce((sum, { done }) => sum + done, 0) >= TASKS)
        all.resolve(Math.max(...them.map(({ at }) => at)))
    })
  const begun = now()
  for (const child of peers)
    child.send({ inFlight: Math.ceil(IN_FLIGHT / hosts), messages: 0, pauseMs: 0 } satisfies Begin)
  const ended = await all.promise
  peers.forEach(end)
  return TASKS / ((ended - begun) / 1_000)
}

async function addJobs(server: RedisServer, name: string): Promise<void> {
  const queue = new Queue(name, { connection: { host: '127.0.0.1', port: server.port } })
  await queue.addBulk(
    Array.from({ length: TASKS }, (_, n) => ({
      name: 'task',
      data: SPEC,
      opts: { jobId: `t-${n}`, priority: 1 },
    })),
  )
  await queue.close()
}

async function submitTasks(server: RedisServer, cluster: string): Promise<void> {
  const store = await storeOn(server, cluster)
  for (let n = 0; n < TASKS; n += 100) {
    const tasks = Array.from({ length: Math.min(100, TASKS - n) }, (_, m) => ({
      id: `t-${n + m}` as const,
      spec: SPEC,
    }))
    await store.tasks.submit(
      { id: `r-${n}`, requestId: `q-${n}`, repo: SPEC.repo, createdAt: Date.now() },
      tasks,
    )
  }
  await store.close()
}

const storeOn = ({ url }: RedisServer, cluster: string) =>
  openRedisStore({ config: { url, sentinelName: 'mymaster', required: true }, cluster, log: silentLog })

/** ms from just before the send until the receiver has it; all pairs are of one cluster. */
async function latency(
  kind: 'bare' | 'ours',
  pairs: number,
  server: RedisServer,
  name: string,
): Promise<number[]> {
  const [send, receive] = kind === 'bare' ? ['send-bare', 'receive-bare'] : ['send', 'receive']
  const order: Begin = { inFlight: 1, messages: MESSAGES, pauseMs: PAUSE_MS }
  const all = await Promise.all(
    Array.from({ length: pairs }, async (_, pair) => {
      const sender = await peer(send as string, server, name, `${pair}`)
      const receiver = await peer(receive as string, server, name, `${pair}`)
      return { sender, receiver }
    }),
  )
  const measured = await Promise.all(
    all.map(async ({ sender, receiver }) => {
      receiver.send(order)
      const received = once(receiver, 'message') as Promise<[Times]>
      sender.send(order)
      const [sent] = (await once(sender, 'message')) as [Times]
      const begins = new Map(sent)
      return (await received)[0].map(([number, at]) => at - (begins.get(number) ?? Number.NaN))
    }),
  )
  for (const { sender, receiver } of all) for (const child of [sender, receiver]) end(child)
  return measured.flat().sort((a, b) => a - b)
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
}

/** What Redis takes for each, and for all their events after trimming. */
async function memory(server: RedisServer) {
  const redis = new Redis(server.url)
  await redis.flushall()
  const store = await storeOn(server, 'memory')
  const empty = await usedBytes(redis)
  const add = async (n: number) => {
    const tasks = Array.from({ length: 100 }, (_, m) => ({ id: `t-${n + m}` as const, spec: SPEC }))
    await store.tasks.submit({ id: `r-${n}`, requestId: `q-${n}`, repo: '/repo', createdAt: 1 }, tasks)
  }
  for (let n = 0; n < WAITING; n += 100) await add(n)
  const withTasks = await usedBytes(redis)
  for (const name of ['from', 'to']) await store.mailboxes.open({ name, reader: 'me', capacity: WAITING }, 1)
  const text = 'The parser takes a semicolon for the end of a file. '.repeat(4)
  const messageOf = (n: number) => ({
    id: `m-memory-${n}`,
    version: 1 as const,
    type: 'warning' as const,
    from: 'from',
    to: 'to',
    priority: 'normal' as const,
    timestamp: '2026-01-01T00:00:00.000Z',
    retryCount: 0,
    payload: { text },
  })
  for (let n = 0; n < WAITING; n += 100)
    await store.mailboxes.send(
      Array.from({ length: 100 }, (_, m) => messageOf(n + m)),
      1,
    )
  const withMessages = await usedBytes(redis)
  await store.upkeep.prune({ now: Date.now(), events: 1_000, eventsBefore: 0, tasksBefore: 0 })
  const trimmed = await usedBytes(redis)
  await store.close()
  redis.disconnect()
  return {
    bytesOfATask: Math.round((withTasks - empty) / WAITING),
    bytesOfAMessage: Math.round((withMessages - withTasks) / WAITING),
    allMB: Number(((withMessages - empty) / 1e6).toFixed(1)),
    allTrimmedMB: Number(((trimmed - empty) / 1e6).toFixed(1)),
  }
}

const SUBJECTS = [
  ['bull', 'bare BullMQ'],
  ['bull-record', 'BullMQ and a record'],
  ['orch', 'claim and one arrow'],
  ['orch-life', 'claim and all arrows'],
] as const

async function throughput(server: RedisServer) {
  const rows: { subject: string; hosts: number; perSecond: number; ratio: number }[] = []
  for (const hosts of HOSTS) {
    const rates = new Map<string, number[]>()
    for (let round = 0; round < ROUNDS; round++)
      for (const [kind, subject] of SUBJECTS) {
        const rate = await completed(kind, hosts, server, `${kind}-${hosts}-${round}`)
        rates.set(subject, [...(rates.get(subject) ?? []), rate])
      }
    const bare = median(rates.get('bare BullMQ') ?? [])
    for (const [subject, measured] of rates)
      rows.push({ subject, hosts, perSecond: Math.round(median(measured)), ratio: median(measured) / bare })
  }
  return rows
}

async function messages(server: RedisServer) {
  const rows: { subject: string; hosts: number; p50: number; p99: number; ratio: number }[] = []
  for (const hosts of HOSTS) {
    const of = { bare: [] as number[][], ours: [] as number[][] }
    for (let round = 0; round < ROUNDS; round++)
      for (const kind of ['bare', 'ours'] as const)
        of[kind].push(await latency(kind, Math.max(1, hosts / 2), server, `${kind}${hosts}x${round}`))
    const figure = (kind: 'bare' | 'ours', part: number) => median(of[kind].map((all) => quantile(all, part)))
    for (const [kind, subject] of [
      ['bare', 'bare XADD → XREADGROUP'],
      ['ours', 'sent → received'],
    ] as const)
      rows.push({
        subject,
        hosts,
        p50: figure(kind, 0.5),
        p99: figure(kind, 0.99),
        ratio: figure(kind, 0.5) / figure('bare', 0.5),
      })
  }
  return rows
}

const two = (number: number) => Number(number.toFixed(2))
/** As soon as it is there; with --json all comes at the end. */
function show(table: object): void {
  if (!values.json) console.table(table)
}

const server = await startRedis(['--appendonly', 'yes', '--appendfsync', 'everysec'])
try {
  const tasks = await throughput(server)
  show(tasks.map((row) => ({ ...row, ratio: two(row.ratio) })))
  const mail = await messages(server)
  show(
    mail.map(({ p50, p99, ratio, ...row }) => ({ ...row, p50: two(p50), p99: two(p99), ratio: two(ratio) })),
  )
  const held = await memory(server)
  show(held)
  if (values.json)
    console.log(
      JSON.stringify({ bench: 'redis', rounds: ROUNDS, tasks, messages: mail, memory: held }, null, 2),
    )
} finally {
  for (const child of children) child.kill('SIGKILL')
  await server.dispose()
}
