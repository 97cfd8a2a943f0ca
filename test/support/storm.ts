import type { TaskId } from '../../src/id.ts'
import type { Task } from '../../src/task/task.ts'
import type { Fault } from './history.ts'
import { startHosts, type TestHost, type TestHosts } from './hosts.ts'
import { agent } from './orch.ts'
import { makeRepository } from './repository.ts'

export interface StormOptions {
  hosts: number
  tasks: number
  /** Ticks (0.1 s) that each agent works. */
  ticks: number
  leaseSeconds: number
  /** How often a host dies, hangs or loses the network, one after the other beginning every so many ms. */
  troubles: number
  everyMs: number
  /** How often Redis is killed and started again meanwhile. */
  restarts: number
  agentsPerHost: number
  withinMs: number
  log?: (line: string) => void
}
export interface StormReport {
  faults: Fault[]
  /** Tasks that used up a try, or were lost too often, though nothing was wrong with their work. */
  used: number
  /** ms from the end of a lease to the next attempt, in order. */
  takeovers: number[]
  troubles: Record<string, number>
  pulls: number
  seconds: number
}

const nap = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

/** Many short tasks, while hosts die, hang and lose the network and Redis is killed. Trouble ends when the tasks are nearly done. */
export async function storm(options: StormOptions): Promise<StormReport> {
  const { log = () => {} } = options
  const repository = await makeRepository({ commits: 2 })
  const all = await startHosts(options.hosts, {
    ORCH_LEASE_SECONDS: String(options.leaseSeconds),
    ORCH_RECONCILE_SECONDS: '0.5',
    ORCH_HEARTBEAT_SECONDS: '2',
    ORCH_RUNTIME: 'process',
    ORCH_MAX_AGENTS: String(options.agentsPerHost),
    ORCH_TOTAL_AGENTS: String(options.agentsPerHost),
    ORCH_RUN_TASKS: '10000',
  })
  try {
    const began = Date.now()
    const submitted = await submitAll(all, repository.path, options)
    const troubles = await trouble(all, submitted, options, log)
    const faults = await all.faults(submitted)
    const tasks = await all.store.tasks.list({ limit: 10_000 })
    const used = tasks.filter((task) => task.used > 0)
    for (const { id } of used.slice(0, 5)) log(`used up a try:\n${await all.story(id)}`)
    const journal = await all.journal()
    return {
      faults,
      used: used.length,
      takeovers: (await all.takeovers()).sort((one, other) => one - other),
      troubles,
      pulls: journal.filter(({ type }) => type === 'pr.opened').length,
      seconds: (Date.now() - began) / 1_000,
    }
  } finally {
    await all.close()
  }
}

async function submitAll(all: TestHosts, repo: string, { tasks, ticks }: StormOptions): Promise<TaskId[]> {
  const argv = [agent('traces-itself'), all.traceFile, String(ticks)]
  const ids: TaskId[] = []
  for (let at = 0; at < tasks; at += 100) {
    const orders = Array.from({ length: Math.min(100, tasks - at) }, (_, index) => ({
      driver: 'command',
      argv,
      description: `Task ${at + index}`,
    }))
    const run = await all.hosts[0]?.orch.submit(repo, orders)
    ids.push(...((run?.tasks ?? []).map(({ id }) => id) as TaskId[]))
  }
  return ids
}

async function trouble(
  all: TestHosts,
  ids: readonly TaskId[],
  options: StormOptions,
  log: (line: string) => void,
): Promise<Record<string, number>> {
  const counts: Record<string, number> = { died: 0, hung: 0, cut: 0, restarted: 0 }
  const inTrouble = new Map<string, Promise<void>>()
  const end = Date.now() + options.withinMs
  let restarts = options.restarts
  let left = options.troubles
  let open = ids.length
  const hit = (host: TestHost, kind: string, act: () => Promise<void>) => {
    counts[kind] = (counts[kind] ?? 0) + 1
    log(`${kind} ${host.name}, ${open} open`)
    const over = act()
      .catch((error) => log(`${host.name}: ${error}`))
      .finally(() => inTrouble.delete(host.name))
    inTrouble.set(host.name, over)
    return nap(50).then(() => all.noteLeases(host).catch(() => {}))
  }
  while (open > 0) {
    if (Date.now() > end) throw new Error(await unfinished(all, open))
    await nap(options.everyMs)
    open = await stillOpen(all, open)
    if (restarts > 0 && open < ids.length * (restarts / (options.restarts + 1))) {
      restarts--
      counts.restarted = (counts.restarted ?? 0) + 1
      log(`Redis, ${open} open`)
      await all.redis.kill()
      await all.redis.start()
    }
    const calm = left <= 0 || open < ids.length * 0.1
    const free = all.hosts.filter(({ name }) => !inTrouble.has(name))
    const host = free[left % Math.max(1, free.length)]
    if (calm || !host || inTrouble.size >= all.hosts.length - 1) continue
    const turn = options.troubles - left--
    const ms = spanOf(turn, options)
    if (turn % 3 === 0) await hit(host, 'hung', () => host.hang(ms))
    else if (turn % 3 === 1) await hit(host, 'cut', () => host.loseNetwork(ms))
    else await hit(host, 'died', () => host.die(ms))
  }
  await Promise.all(inTrouble.values())
  return counts
}

/** By turns beyond the lease with its margin, and within it. */
const spanOf = (turn: number, { leaseSeconds }: StormOptions) =>
  Math.floor(turn / 3) % 2 === 0 ? leaseSeconds * 1_000 + 7_000 : leaseSeconds * 300

async function stillOpen({ store }: TestHosts, before: number): Promise<number> {
  const counts = await store.tasks.counts().catch(() => undefined)
  if (!counts) return before
  const { accepted, dead, cancelled, ...open } = counts
  return Object.values(open).reduce((sum, count) => sum + count, 0)
}

async function unfinished({ store, story }: TestHosts, open: number): Promise<string> {
  const tasks: Task[] = await store.tasks.list({ limit: 10_000 })
  const one = tasks.find(({ state }) => !['accepted', 'dead', 'cancelled'].includes(state))
  return `${open} tasks are not done\n${one && (await story(one.id))}`
}

/** A share of sorted figures: 0.5 = the one in the middle. */
export const share = (sorted: readonly number[], part: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0)
