import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { configSchema, type RedisConfig } from '../../src/config/schema.ts'
import type { TaskId } from '../../src/id.ts'
import type { JournalEvent } from '../../src/journal/journal.ts'
import { silentLog } from '../../src/log.ts'
import { openRedisStore } from '../../src/store/redis/redis.ts'
import type { Store } from '../../src/store/store.ts'
import { HELD_STATES, type Reason } from '../../src/task/task.ts'
import { type Fault, faultsOf, parseTraces, type Trace } from './history.ts'
import { type Orch, startOrch } from './orch.ts'
import { startProxy, type Proxy as TcpProxy } from './proxy.ts'
import { type RedisServer, startRedis } from './redis.ts'
import { temporaryDirectory } from './temporary.ts'

/** A real daemon that shares its store with others, by a connection of its own that can be cut. */
export interface TestHost {
  name: string
  orch: Orch
  pid: number
  proxy: TcpProxy
  /** kill -9 of its daemon, and a new one after so many ms. Its agents and its tmux server go on. */
  die(forMs: number): Promise<void>
  /** SIGSTOP of its daemon, SIGCONT after so many ms. */
  hang(forMs: number): Promise<void>
  /** No way to the store for so many ms. */
  loseNetwork(forMs: number): Promise<void>
}

export interface TestHosts {
  hosts: TestHost[]
  redis: RedisServer
  /** A connection of the test's own. */
  store: Store
  /** Where agents note that they run. */
  traceFile: string
  traces(): Trace[]
  journal(): Promise<JournalEvent[]>
  /** What is wrong with all that happened to these tasks. */
  faults(submitted: readonly string[]): Promise<Fault[]>
  /** Who has the lease of a task now. */
  holderOf(id: TaskId): Promise<TestHost>
  /** Notes until when a host that is in trouble from now on has its tasks. */
  noteLeases(host: TestHost): Promise<void>
  /** For each attempt that another one took over from a host in trouble: ms from the end of its lease to the next. */
  takeovers(): Promise<number[]>
  /** For people: what the journal has of a task, and the ends of the logs of all hosts. */
  story(id: TaskId): Promise<string>
  close(): Promise<void>
}

const codeOf = (data: JournalEvent['data']) => (data?.reason as Reason | undefined)?.code
const CLUSTER = 'hosts'
const nap = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** So many daemons with a redis-server of their own, which writes down what it is told before it answers. */
export async function startHosts(count: number, settings: Record<string, string> = {}): Promise<TestHosts> {
  const redis = await startRedis(['--appendonly', 'yes'])
  const parent = temporaryDirectory('orch-hosts')
  const traceFile = join(parent, 'trace')
  writeFileSync(traceFile, '')
  const starting = Array.from({ length: count }, (_, index) =>
    startHost(`host-${index + 1}`, redis, settings),
  )
  const hosts = await Promise.all(starting)
  const config = configSchema.parse({ redis: redis.url }).redis as RedisConfig
  const store = await openRedisStore({ config, cluster: CLUSTER, log: silentLog })
  const traces = () => parseTraces(readFileSync(traceFile, 'utf8'))
  const journal = () => journalOf(store)
  const leases = new Map<string, number>()
  return {
    hosts,
    redis,
    store,
    traceFile,
    traces,
    journal,
    faults: async (submitted) => faultsOf({ submitted, journal: await journal(), traces: traces() }),
    async holderOf(id) {
      const task = await store.tasks.get(id)
      const host = hosts.find(({ name }) => name === task?.lease?.host)
      if (!host) throw new Error(`nobody holds ${id}`)
      return host
    },
    async noteLeases({ name }) {
      for (const { id, epoch, lease } of await store.tasks.list({ host: name, states: [...HELD_STATES] }))
        leases.set(`${id} ${epoch}`, lease?.until ?? 0)
    },
    async takeovers() {
      const all = await journal()
      const expired = all.filter(
        ({ type, data }) => type === 'task.failed' && codeOf(data) === 'lease-expired',
      )
      return expired.flatMap(({ seq, taskId, epoch = 0 }) => {
        const until = leases.get(`${taskId} ${epoch}`)
        const next = all.find((it) => it.seq > seq && it.taskId === taskId && it.type === 'task.leased')
        return until && next ? [next.at - until] : []
      })
    },
    async story(id) {
      const events = (await journal()).filter(
        ({ taskId, type }) => taskId === id || type.startsWith('store.'),
      )
      const logs = hosts.map(({ name, orch }) => `${name}:\n${tail(orch.paths.log)}`)
      return [...events.map((event) => JSON.stringify(event)), ...logs].join('\n')
    },
    async close() {
      for (const { proxy } of hosts) proxy.resume()
      await Promise.all(hosts.map(({ orch }) => orch.close()))
      await Promise.all(hosts.map(({ proxy }) => proxy.dispose()))
      await store.close()
      await redis.dispose()
    },
  }
}

async function startHost(
  name: string,
  redis: RedisServer,
  settings: Record<string, string>,
): Promise<TestHost> {
  const proxy = await startProxy(redis.port)
  const orch = await startOrch({
    ORCH_REDIS: proxy.url,
    ORCH_CLUSTER: CLUSTER,
    ORCH_HOST_NAME: name,
    ...settings,
  })
  const host: TestHost = {
    name,
    orch,
    pid: await orch.pid(),
    proxy,
    async die(forMs) {
      await orch.crash(() => nap(forMs))
      host.pid = await orch.pid()
    },
    async hang(forMs) {
      process.kill(host.pid, 'SIGSTOP')
      await nap(forMs)
      process.kill(host.pid, 'SIGCONT')
    },
    async loseNetwork(forMs) {
      proxy.cut()
      await nap(forMs)
      proxy.resume()
    },
  }
  return host
}

const tail = (file: string) => readFileSync(file, 'utf8').split('\n').slice(-20).join('\n')

async function journalOf({ journal }: Store): Promise<JournalEvent[]> {
  const all: JournalEvent[] = []
  for (;;) {
    const page = await journal.read({ after: all.at(-1)?.seq ?? 0, limit: 1_000 })
    if (page.length === 0) return all
    all.push(...page)
  }
}
