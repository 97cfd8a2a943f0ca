import type { Driver, Reply } from '../../agent/agent.ts'
import { OrchError, toOrchError } from '../../errors.ts'
import type { AttemptStatus } from '../../runtime/runtime.ts'
import type { Attempt, Task } from '../../task/task.ts'
import { eventOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import type { Hearing, Interrupt } from './hearing.ts'

/** Whose turn is to end. */
export interface Interrupted {
  task: Task
  attempt: Attempt
  driver: Driver
  hearing: Hearing
}

/**
 * Notes an interrupt (`why`: of a critical message) and carries it out. A daemon that dies in between leaves it to the next.
 * @throws OrchError E_STATE
 */
export async function endTurn(
  parts: Parts,
  agent: Interrupted,
  why: Pick<Interrupt, 'message'> = {},
): Promise<void> {
  const { hearing, attempt } = agent
  await hearing.alone(async () => {
    const status = await parts.directories.status(attempt.agent)
    await checkTurn(parts, agent, status)
    const before = hearing.interrupt
    const now: Interrupt = { id: parts.ids.uuid(), turn: status.turn, words: hearing.words.length, ...why }
    hearing.interrupt = now
    try {
      const event = { ...eventOf(parts, attempt, 'agent.interrupted'), data: { ...now } }
      await parts.store.journal.append([event])
    } catch (error) {
      if (before) hearing.interrupt = before
      else delete hearing.interrupt
      throw error
    }
    await carryOut(parts, agent, now)
  })
}

/** What a daemon has noted that died before it was done. */
export async function carryOutNoted(parts: Parts, agent: Interrupted): Promise<void> {
  const { hearing } = agent
  await hearing.alone(async () => {
    if (hearing.interrupt && !hearing.interrupt.done) await carryOut(parts, agent, hearing.interrupt)
  })
}

/** @throws OrchError E_STATE when no turn is under way that could be ended */
async function checkTurn(
  parts: Parts,
  { task: { id, spec }, attempt, hearing }: Interrupted,
  status: AttemptStatus,
): Promise<void> {
  const now = await parts.store.tasks.get(id)
  if (now?.waitingFor === 'quota')
    throw new OrchError('E_STATE', `${id} waits for its quota: no turn is under way`)
  const setsUp =
    status.turn === 1 && status.state !== 'exited' && (await parts.settings(spec.repo)).setup.length > 0
  if (setsUp && !(await hasBegun(parts, attempt)))
    throw new OrchError('E_STATE', `${id} is being set up: no turn is under way`)
  if (hearing.over) throw new OrchError('E_STATE', `${id} is at its end: nobody listens`)
}

async function hasBegun({ store }: Parts, { taskId, epoch }: Attempt): Promise<boolean> {
  const turns = await store.journal.read({ taskId, types: ['turn.started'], limit: 10_000 })
  return turns.some((event) => event.epoch === epoch)
}

/** By the program's own means where it has some and is there to hear them, else by ending its processes. */
async function carryOut(parts: Parts, { task, attempt, driver }: Interrupted, it: Interrupt): Promise<void> {
  const { state, turn } = await parts.directories.status(attempt.agent)
  const text = task.spec.interactive ? undefined : driver.interrupt?.({ session: attempt.session })
  const tells = text !== undefined && state === 'running'
  if (turn === it.turn && !(tells && (await tell(parts, attempt, { id: it.id, text }))))
    await parts.directories.stop(attempt.agent, parts.config.graceSeconds * 1_000)
  it.done = true
  it.at = parts.clock.now()
}

/** How long a program may take to end its turn when it was told, in ms. */
const OBEY_MS = 10_000

/** Ends the processes of a program that was told to end its turn and works on. */
export async function insist(parts: Parts, { hearing, attempt }: Interrupted, status: AttemptStatus) {
  const { at = Number.POSITIVE_INFINITY, turn } = hearing.interrupt ?? {}
  if (status.state !== 'running' || turn !== status.turn || parts.clock.now() - at < OBEY_MS) return
  parts.log.warn('an agent did not end its turn when it was told to', { agent: attempt.agent })
  await parts.directories.stop(attempt.agent, parts.config.graceSeconds * 1_000)
}

/** Whether it could be told. */
async function tell({ directories }: Parts, { agent }: Attempt, reply: Reply): Promise<boolean> {
  try {
    await directories.reply(agent, reply)
    return true
  } catch (error) {
    if (['E_CANNOT_HEAR', 'E_TIMEOUT'].includes(toOrchError(error).code)) return false
    throw error
  }
}
