import { join } from 'node:path'
import type { Handlers, StatusView, TaskView } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import type { RunId } from '../../id.ts'
import { createAgentCalls } from '../../orchestrator/agent-tools/call.ts'
import { resultFile } from '../../orchestrator/attempt/result.ts'
import { workspaceOf } from '../../orchestrator/attempt/stop.ts'
import type { Orchestrator } from '../../orchestrator/orchestrator.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { FINAL_STATES, isFinal, type Run, TASK_STATES, type Task, type TaskState } from '../../task/task.ts'
import { hostsFor, unmetOf, viewHosts } from '../hosts/host-views.ts'
import type { StoreFacts } from '../store/open-store.ts'
import { agentHandlers } from './agent.ts'
import { deadLetterHandlers } from './dead-letter.ts'
import { waitsForOf } from './gate-view.ts'
import { handoffHandlers } from './handoff.ts'
import { mailboxHandlers } from './mailbox.ts'
import { mcpHandlers } from './mcp.ts'
import { messageHandlers } from './message.ts'
import { profileHandlers } from './profile.ts'
import { pullHandlers } from './pull.ts'
import { storeWarnings, viewStore } from './store-view.ts'
import { usageHandlers } from './usage.ts'
import { viewBreaker, viewDetail, viewRun, viewTask } from './views.ts'

/** Facts of the daemon itself that the status tells. */
export interface DaemonFacts {
  version: string
  startedAt: number
  /** URL of the API on loopback TCP, when there is one. */
  apiUrl(): Promise<string | undefined>
  /** The store that is open; absent = the embedded one. */
  store?: () => Promise<StoreFacts>
}

/** The API's verbs as calls of the orchestrator; no logic of their own. */
export function createHandlers(parts: Parts, orchestrator: Orchestrator, facts: DaemonFacts): Handlers {
  const { store } = parts
  const view = async (task: Task): Promise<TaskView> => viewTask(task, await store.tasks.attempts(task.id))
  const runView = async (run: Run) => viewRun(run, await Promise.all((await tasksOf(run.id)).map(view)))
  const tasksOf = async (runId: RunId) => (await store.tasks.list({ runId, limit: 1_000 })).reverse()

  return {
    ...agentHandlers(createAgentCalls(parts)),
    ...messageHandlers(parts),
    ...mailboxHandlers(parts),
    ...deadLetterHandlers(parts, orchestrator),
    ...handoffHandlers(parts),
    ...pullHandlers(parts),
    ...usageHandlers(parts, orchestrator),
    ...mcpHandlers(parts),
    ...profileHandlers(parts),
    health: async () => ({ ok: true, version: facts.version, pid: process.pid }),
    status: async ({ query }) => await statusOf(parts, orchestrator, facts, view, query.repo),
    hosts: async () => ({ hosts: await viewHosts(parts), fallback: (await facts.store?.())?.fallback }),
    async submit({ body }) {
      const [first] = await orchestrator.submit(body)
      return await runView(await runOf(parts, first?.runId ?? 'r-'))
    },
    runs: async ({ query }) => ({
      runs: await Promise.all((await store.tasks.runs(query.limit)).map(runView)),
    }),
    run: async ({ params }) => await runView(await runOf(parts, params.id as RunId)),
    task: async ({ params }) => await detailOf(parts, await orchestrator.resolve(params.id)),
    async cancel({ params }) {
      const { id } = await orchestrator.resolve(params.id)
      return await view(await orchestrator.cancel(id))
    },
    async retry({ params }) {
      const { id } = await orchestrator.resolve(params.id)
      return await view(await orchestrator.retry(id))
    },
    async say({ params, body }) {
      const { id } = await orchestrator.resolve(params.id)
      await orchestrator.say(id, body.text)
      return {}
    },
    async interrupt({ params, body }) {
      const { id } = await orchestrator.resolve(params.id)
      await orchestrator.interrupt(id, body.text)
      return {}
    },
    async permit({ params, body }) {
      const { id } = await orchestrator.resolve(params.id)
      return await orchestrator.permit(id, body.allow)
    },
    log: async ({ params, query }) => await logOf(parts, await orchestrator.resolve(params.id), query),
    attach: async ({ params }) => await attachTo(parts, await orchestrator.resolve(params.id)),
    cleanup: async ({ body }) => await orchestrator.cleanUp(body),
    stop: async ({ body }) => ({ stoppedAgents: body.agents ? await orchestrator.stopAgents() : 0 }),
    backup: async ({ body }) => ({ file: body.file, ...(await store.upkeep.backup(body.file)) }),
    checkStore: async () => ({ faults: await store.upkeep.check() }),
  }
}

async function runOf(parts: Parts, id: RunId): Promise<Run> {
  const run = await parts.store.tasks.run(id)
  if (run) return run
  throw new OrchError('E_NOT_FOUND', `there is no run ${id}`)
}

const LATEST_ENDED = 20

async function statusOf(
  parts: Parts,
  orchestrator: Orchestrator,
  facts: DaemonFacts,
  view: (task: Task) => Promise<TaskView>,
  path?: string,
): Promise<StatusView> {
  const store: StoreFacts = (await facts.store?.()) ?? { kind: 'embedded', warnings: [] }
  const { counts, tasks } = await tasksFor(parts, path).catch(nothingWhileDown)
  const hosts = await hostsFor(parts, tasks)
  return {
    daemon: {
      version: facts.version,
      pid: process.pid,
      host: parts.host,
      startedAt: new Date(facts.startedAt).toISOString(),
      stateDir: parts.paths.state,
      apiUrl: await facts.apiUrl(),
      residentBytes: process.memoryUsage.rss(),
    },
    counts,
    store: viewStore(store),
    agents: { running: orchestrator.running(), limit: parts.config.totalAgents },
    tasks: await Promise.all(tasks.map(view)),
    hosts: hosts.hosts,
    warnings: [...storeWarnings(store), ...hosts.warnings, ...(await warningsOf(parts))],
    breakers: parts.breakers.all().map(viewBreaker),
  }
}

async function tasksFor(parts: Parts, path?: string) {
  const { store } = parts
  const repo = path && (await rootOf(parts, path))
  const active = TASK_STATES.filter((state) => !(FINAL_STATES as readonly string[]).includes(state))
  const open = await store.tasks.list({ states: active, repo, limit: 1_000 })
  const ended = await store.tasks.list({ states: [...FINAL_STATES], repo, limit: LATEST_ENDED })
  return { counts: await store.tasks.counts(), tasks: [...open, ...ended] }
}

/** The status must be there above all when something is not. */
function nothingWhileDown(error: OrchError): { counts: Record<TaskState, number>; tasks: Task[] } {
  if (error.code !== 'E_STORE_DOWN') throw error
  const counts = Object.fromEntries(TASK_STATES.map((state) => [state, 0])) as Record<TaskState, number>
  return { counts, tasks: [] }
}

/** A repository that is gone is still known by the tasks that it had. @throws OrchError E_NOT_A_REPOSITORY */
async function rootOf({ repositories, store }: Parts, path: string): Promise<string> {
  try {
    return await repositories.root(path)
  } catch (error) {
    if ((await store.tasks.list({ repo: path, limit: 1 })).length > 0) return path
    throw error
  }
}

async function warningsOf(parts: Parts): Promise<string[]> {
  const name = parts.config.runtime
  const fault = await parts.runtimes[name].ready().then(
    () => undefined,
    (error: Error) => error.message,
  )
  return fault ? [`the runtime ${name} cannot be used: ${fault}`] : []
}

async function detailOf(parts: Parts, task: Task) {
  const attempts = await parts.store.tasks.attempts(task.id)
  const agent = attempts.at(-1)?.agent
  const place = workspaceOf(parts, task)
  const workspace = (await parts.workspaces.exists(place)) ? place.path : undefined
  const files = agent
    ? { log: join(parts.directories.path(agent), 'log'), result: resultFile(parts.paths, task, agent) }
    : {}
  const [unmet, waitsFor] = await Promise.all([unmetOf(parts, task), waitsForOf(parts, task)])
  return viewDetail(task, attempts, { workspace, ...files, unmet, waitsFor })
}

const LOG_PIECE = 256 * 1024

async function logOf(parts: Parts, task: Task, query: { from: number; attempt?: number }) {
  const attempts = await parts.store.tasks.attempts(task.id)
  const attempt = query.attempt ? attempts.find((it) => it.epoch === query.attempt) : attempts.at(-1)
  if (!attempt && query.attempt)
    throw new OrchError('E_NOT_FOUND', `${task.id} has no attempt ${query.attempt}`)
  if (!attempt) return { text: '', next: query.from, ended: isFinal(task.state) }
  const piece = wholeCharacters(await parts.directories.readLog(attempt.agent, query.from, LOG_PIECE))
  return {
    text: piece.toString('utf8'),
    next: query.from + piece.length,
    ended: attempt.outcome !== undefined && piece.length === 0,
  }
}

/** Cuts off the beginning of a UTF-8 character at the end. */
function wholeCharacters(bytes: Buffer): Buffer {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return bytes
    if (byte >= 0xc0) return back < lengthOf(byte) ? bytes.subarray(0, bytes.length - back) : bytes
  }
  return bytes
}

const lengthOf = (lead: number) => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2)

async function attachTo(parts: Parts, task: Task) {
  const agent = (await parts.store.tasks.attempts(task.id)).at(-1)?.agent
  const runtime = parts.runtimes[task.spec.runtime]
  const argv = agent && (await runtime.list()).has(agent) ? runtime.attach(agent) : undefined
  if (argv) return { argv: [...argv] }
  throw new OrchError(
    'E_STATE',
    `${task.id} has no screen to attach to: it is ${task.state}, runtime ${task.spec.runtime}`,
    {
      fix: 'orch logs TASK shows what its agent printed.',
    },
  )
}
