import type { Outcome } from '../../agent/agent.ts'
import type { AttemptStatus, Exit } from '../../runtime/runtime.ts'
import { countSigns } from '../breakers.ts'
import type { Hearing } from '../conversation/hearing.ts'
import { openQuestions } from '../conversation/permit.ts'
import { createBell } from './bell.ts'
import { carryOn } from './carry-on.ts'
import { createCourier } from './courier.ts'
import { driverOf } from './driver-choice.ts'
import { AttemptFailed, leaseEnded, lost } from './failure.ts'
import { openFeed } from './feed.ts'
import type { Held } from './held.ts'
import { faceOf } from './launch-spec.ts'
import { openLimits } from './limits.ts'
import { createPlace } from './place.ts'
import { createSpectators } from './spectators.ts'
import { eventOf } from './stop.ts'
import type { Watch } from './watch.ts'

/** How often an attempt is looked at when its directory says nothing. */
const LOOK_MS = 1_500
/** A shim that has not taken its lock so long after it was asked for never will. */
const START_MS = 15_000

/**
 * working ⇄ waiting ─▶ reported: follows an agent through its events until it says that it is done. Returns without that
 * arrow when `signal` aborts, and when a new process was started that is to be followed anew. @throws AttemptFailed
 */
export async function follow(held: Held): Promise<void> {
  const { parts, task, attempt, signal } = held
  const order = await parts.directories.file(
    attempt.agent,
    `${driverOf(parts, task, attempt).name}-order.json`,
  )
  const reader = faceOf(driverOf(parts, task, attempt), task).reader(order)
  const hearing = await parts.hearings.of(attempt)
  const bell = createBell(parts.clock, signal)
  hearing.over = false
  hearing.wake = bell.ring
  const runtime = parts.runtimes[task.spec.runtime]
  const spectators = createSpectators(held, bell.ring)
  const unwatch = [
    parts.directories.watch(attempt.agent, bell.ring),
    runtime.onLost(bell.ring),
    spectators.stop,
  ]
  try {
    const feed = await openFeed(held, reader)
    const place = createPlace(held)
    const began = parts.clock.now()
    const watch = { held, reader, feed, hearing, place, spectators, courier: createCourier(held), began }
    if (place.waitingFor !== 'quota') await place.follow(feed.heard)
    await loop(watch, bell)
  } catch (error) {
    hearing.over = true // until it is followed again, if it is
    throw error
  } finally {
    for (const end of unwatch) end()
    hearing.wake = () => {}
  }
}

async function loop(watch: Watch, bell: ReturnType<typeof createBell>): Promise<void> {
  const { parts, attempt, signal } = watch.held
  const limits = openLimits(watch.held)
  let exited = 0
  while (!signal.aborted) {
    const status = await parts.directories.status(attempt.agent) // before reading: what an ended agent printed is all there
    await takeAll(watch, status)
    await watch.spectators.look()
    await watch.courier.look()
    if (signal.aborted) return
    if (status.exit && exited !== status.turn) await noteExit(watch.held, status.exit, status.turn)
    exited = status.exit ? status.turn : 0
    const outcome = await judge(watch, status)
    if (signal.aborted) return
    if (await carryOn(watch, status, outcome)) return
    await limits.check(watch, status)
    await bell.wait(untilLook(watch))
  }
}

/** Until something is due by the clock, or the next regular look, in ms. */
function untilLook({ held: { parts, task }, feed, place }: Watch): number {
  const { idleMs = Number.POSITIVE_INFINITY } = task.spec.limits
  const dues = [place.resetAt, feed.lastAt() + idleMs + 1].map((at = 0) => at - parts.clock.now())
  return Math.min(LOOK_MS, ...dues.filter((due) => due > 0))
}

/** Reads on to the end of what is there, and keeps the task's state in step. */
async function takeAll({ held, feed, place, hearing, courier }: Watch, status: AttemptStatus): Promise<void> {
  checkOutput(held, status.outBytes)
  for (let events = await feed.take(); events; events = await feed.take()) {
    await countSigns(held, events)
    courier.notice(events)
    if (place.waitingFor !== 'quota') await place.follow(events)
    checkOutput(held, feed.bytes())
    if (held.signal.aborted) return
  }
  if (place.waitingFor === 'permission' && (await isAnswered(held, hearing))) await place.work()
}

async function isAnswered({ parts, attempt }: Held, hearing: Hearing): Promise<boolean> {
  return hearing.permitted.size > 0 && (await openQuestions(parts, attempt, hearing)).length === 0
}

async function judge(watch: Watch, status: AttemptStatus): Promise<Outcome | undefined> {
  const { held, reader, feed, hearing } = watch
  if (status.state === 'absent') throw lost('the directory of the attempt is gone')
  if (status.state === 'lost') throw lost('the agent and its shim are gone and left no exit status')
  if (status.state === 'ready') return await unstarted(watch)
  if (!status.exit) return feed.turn() < status.turn ? undefined : reader.outcome()
  if (status.exit.reason === 'lease-ended') throw leaseEnded()
  if (status.exit.status === HANGUP) throw lost('the terminal of the agent went away')
  const errors = await held.parts.directories.errors(held.attempt.agent, 4_096)
  if (status.exit.phase === 'setup')
    return isUnbegun(status, hearing) ? INTERRUPTED : notBegun(status, status.exit, errors)
  await feed.finish()
  return reader.outcome(status.exit, errors)
}

/** Higher statuses are those of programs that a signal ended: by no fault of their own, as like as not. */
const SIGNALLED = 128
const HANGUP = SIGNALLED + 1

const INTERRUPTED: Outcome = {
  kind: 'failed',
  reason: { code: 'interrupted', message: 'a person ended the turn' },
}

/** Ended by a person before its program was there. */
const isUnbegun = ({ turn }: AttemptStatus, { interrupt }: Hearing): boolean => interrupt?.turn === turn

/** Set-up steps have the first process only. @throws AttemptFailed */
function notBegun({ turn }: AttemptStatus, exit: Exit, errors: string): never {
  throw turn > 1 ? lost('the agent was stopped before it began') : setupFailed(exit, errors)
}

/** Started again, the agent still starts once: the shim's lock sees to it. */
async function unstarted({ held: { parts, task, attempt }, began }: Watch): Promise<undefined> {
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

/** Once for each process, whichever daemon sees it. */
async function noteExit({ parts, attempt, fence }: Held, exit: Exit, turn: number): Promise<void> {
  const { taskId, epoch } = attempt
  const noted = await parts.store.journal.read({ taskId, types: ['agent.exited'], limit: 10_000 })
  if (noted.some((event) => event.epoch === epoch && event.data?.turn === turn)) return
  const { phase, status } = exit
  const event = { ...eventOf(parts, attempt, 'agent.exited'), data: { phase, status, turn } }
  await parts.store.tasks.progress(fence, { events: [event] })
}

function checkOutput({ task }: Held, bytes: number): void {
  const limit = task.spec.limits.outputBytes
  if (bytes <= limit) return
  throw new AttemptFailed(
    'output-limit',
    `the agent printed more than ${Math.round(limit / 1e6)} MB (setting outputMegabytes)`,
  )
}
