import type { Outcome } from '../agent/agent.ts'
import type { AgentEvent } from '../journal/journal.ts'
import type { AttemptStatus, Exit } from '../runtime/runtime.ts'
import type { Attempt, Fence, Task } from '../task/task.ts'
import { AttemptFailed, lost } from './failure.ts'
import { type Feed, openFeed, significant } from './feed.ts'
import { isUnheard } from './hearing.ts'
import { driverOf } from './launch.ts'
import type { Parts } from './parts.ts'
import { eventOf } from './stop.ts'

/** How often an attempt is looked at when its directory says nothing. */
const LOOK_MS = 1_000
/** A shim that has not taken its lock so long after it was asked for never will. */
const START_MS = 15_000

/**
 * working ⇄ waiting ─▶ reported: follows an agent through its events until it says that it is done.
 * Returns without an arrow when `signal` aborts. @throws AttemptFailed
 */
export async function follow(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  fence: Fence,
  signal: AbortSignal,
): Promise<void> {
  const reader = driverOf(parts, task).reader()
  const feed = await openFeed(parts, task, attempt, fence, reader)
  const hearing = await parts.hearings.of(attempt)
  hearing.over = false
  const bell = createBell(parts, signal)
  const unwatch = parts.directories.watch(attempt.agent, bell.ring)
  const unlost = parts.runtimes[task.spec.runtime].onLost(bell.ring)
  try {
    let state = await showWaiting(parts, fence, task.state, feed.heard)
    const began = parts.clock.now()
    let exited = false
    while (!signal.aborted) {
      const status = await parts.directories.status(attempt.agent) // before reading: what an ended agent printed is all there
      checkOutput(task, status.outBytes)
      for (let events = await feed.take(); events; events = await feed.take()) {
        state = await showWaiting(parts, fence, state, events)
        checkOutput(task, feed.bytes())
        if (signal.aborted) return
      }
      if (status.exit && !exited) await noteExit(parts, fence, attempt, status.exit)
      exited = status.exit !== undefined
      const said = await judge(parts, task, attempt, began, status, feed, reader.outcome)
      const outcome = status.exit || !isUnheard(hearing, reader) ? said : undefined
      hearing.over = outcome !== undefined
      if (outcome?.kind === 'failed')
        throw new AttemptFailed(outcome.reason.code, outcome.reason.message, { final: outcome.final })
      if (outcome) {
        await parts.store.tasks.report(fence, parts.clock.now(), { summary: outcome.summary })
        return
      }
      checkTime(parts, task, attempt)
      await bell.wait(LOOK_MS)
    }
  } finally {
    unwatch()
    unlost()
  }
}

async function judge(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  began: number,
  status: AttemptStatus,
  feed: Feed,
  outcome: (exit?: AttemptStatus['exit'], stderr?: string) => Outcome | undefined,
): Promise<Outcome | undefined> {
  if (status.state === 'absent') throw lost('the directory of the attempt is gone')
  if (status.state === 'lost') throw lost('the agent and its shim are gone and left no exit status')
  if (status.state === 'ready') return await unstarted(parts, task, attempt, began)
  if (!status.exit) return outcome()
  if (status.exit.status === HANGUP) throw lost('the terminal of the agent went away')
  const errors = await parts.directories.errors(attempt.agent, 4_096)
  if (status.exit.phase === 'setup') throw setupFailed(status.exit, errors)
  await feed.finish()
  return outcome(status.exit, errors)
}

/** Higher statuses are those of programs that a signal ended: by no fault of their own, as like as not. */
const SIGNALLED = 128
const HANGUP = SIGNALLED + 1

/** Started again, the agent still starts once: the shim's lock sees to it. */
async function unstarted(parts: Parts, task: Task, attempt: Attempt, began: number): Promise<undefined> {
  if (parts.clock.now() - began > START_MS) throw lost('the agent did not start')
  const runtime = parts.runtimes[task.spec.runtime]
  if (!(await runtime.list()).has(attempt.agent)) await runtime.start(attempt.agent)
  return undefined
}

function setupFailed(exit: { status: number; step?: number }, output: string): AttemptFailed {
  const step = `set-up step ${(exit.step ?? 0) + 1} ended with status ${exit.status}`
  const final = exit.status < SIGNALLED
  return new AttemptFailed('setup-failed', output ? `${step}:\n${output}` : step, { final })
}

/** Keeps the task's state in step with what the agent says of itself: the last of the events counts. */
async function showWaiting(
  parts: Parts,
  fence: Fence,
  state: Task['state'],
  events: readonly AgentEvent[],
): Promise<Task['state']> {
  const last = significant(events)?.[0]
  const { tasks } = parts.store
  if (!last) return state
  if (last.type === 'waiting' && state === 'working')
    return (await tasks.wait(fence, parts.clock.now(), last.for, last.resetAt)).state
  if (last.type !== 'waiting' && state === 'waiting')
    return (await tasks.resume(fence, parts.clock.now())).state
  return state
}

async function noteExit(
  parts: Parts,
  fence: Fence,
  attempt: Attempt,
  { phase, status }: Exit,
): Promise<void> {
  const event = { ...eventOf(parts, attempt, 'agent.exited'), data: { phase, status } }
  await parts.store.tasks.progress(fence, { events: [event] })
}

function checkOutput(task: Task, bytes: number): void {
  const limit = task.spec.limits.outputBytes
  if (bytes <= limit) return
  throw new AttemptFailed(
    'output-limit',
    `the agent printed more than ${Math.round(limit / 1e6)} MB (setting outputMegabytes)`,
  )
}

function checkTime(parts: Parts, task: Task, attempt: Attempt): void {
  const limit = task.spec.limits.wallMs
  if (parts.clock.now() - attempt.startedAt <= limit) return
  throw new AttemptFailed(
    'time-limit',
    `the agent was not done after ${Math.round(limit / 60_000)} minutes (setting wallMinutes)`,
  )
}

/** Waits for whichever comes first: a ring, the time, the abort. A ring in between is not lost. */
function createBell(parts: Parts, signal: AbortSignal) {
  let rung = false
  let wake = new AbortController()
  const ring = () => {
    rung = true
    wake.abort()
  }
  signal.addEventListener('abort', ring, { once: true })
  return {
    ring,
    async wait(ms: number) {
      if (!rung) await parts.clock.sleep(ms, wake.signal)
      rung = false
      wake = new AbortController()
    },
  }
}
