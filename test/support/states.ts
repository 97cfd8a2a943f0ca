import { delimiter } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Orch, until } from './orch.ts'
import { makeRepository } from './repository.ts'

/** Agents that change between working and waiting by a script, and what Orch said of them meanwhile. */

const directory = fileURLToPath(new URL('../fixtures/agents/plays-states', import.meta.url))
/** A PATH on which `claude` plays states. */
export const STATES_PATH = [directory, process.env.PATH].join(delimiter)

type State = 'working' | 'waiting'
interface Moment {
  state: State
  /** ms since the epoch. */
  at: number
}

export interface Played {
  /** What the agent printed, by its own clock. */
  expected: Moment[]
  /** When a listener of the event stream was told of the task's state. */
  observed: Moment[]
}

export interface Script {
  agents: number
  /** Changes of each. */
  changes: number
  /** ms between two changes: from, to, and every tenth. */
  apart: readonly [min: number, max: number, long: number]
}

export async function playStates(orch: Orch, { agents, changes, apart }: Script): Promise<Played[]> {
  const { path } = await makeRepository()
  const played = new Map<string, Played>()
  const abort = new AbortController()
  const listening = listen(orch, played, abort.signal)
  const description = `[[states ${changes} ${apart.join(' ')}]]`
  const task = { description, driver: 'claude', tries: 1 }
  const run = await orch.submit(path, Array(agents).fill(task))
  await orch.finished(run.id, 300_000)
  await until('all was heard', () => [...played.values()].every(({ expected }) => expected.length > changes))
  abort.abort()
  await listening
  return [...played.values()]
}

async function listen(orch: Orch, played: Map<string, Played>, signal: AbortSignal): Promise<void> {
  for await (const { type, taskId = '', data = {} } of orch.client.events({ after: 0, signal })) {
    const at = Date.now()
    const own = played.get(taskId) ?? { expected: [], observed: [] }
    if (taskId) played.set(taskId, own)
    if (type === 'message') own.expected.push({ state: 'working', at: Number(data.text) })
    if (type === 'waiting')
      own.expected.push({ state: 'waiting', at: Number.parseInt(String(data.question), 10) })
    if (type === 'task.working') own.observed.push({ state: 'working', at })
    if (type === 'task.waiting') own.observed.push({ state: 'waiting', at })
  }
}

/**
 * Compares what was with what was said. A change that lasted longer than `withinMs` must have been told within that time;
 * a shorter one may have been passed over. Nothing may be told that was not, nor anything twice in a row.
 */
export function judgeStates({ expected, observed }: Played, withinMs: number) {
  const changes = expected.filter(({ state }, index) => index > 0 && state !== expected[index - 1]?.state)
  const latencies: number[] = []
  const errors: string[] = []
  for (const [index, { state, at }] of changes.entries()) {
    const until = changes[index + 1]?.at ?? Number.POSITIVE_INFINITY
    const told = observed.findLast((moment) => moment.at <= Math.min(at + withinMs, until))
    const first = observed.find((moment) => moment.state === state && moment.at >= at && moment.at <= until)
    if (first) latencies.push(first.at - at)
    if (until - at > withinMs && told?.state !== state)
      errors.push(`${state} at ${at} was not told within ${withinMs} ms`)
  }
  for (const [index, { state }] of observed.entries())
    if (index > 0 && observed[index - 1]?.state === state) errors.push(`${state} was told twice in a row`)
  return { changes: changes.length, latencies, errors }
}
