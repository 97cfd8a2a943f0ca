import { toOrchError } from '../../errors.ts'
import type { Proof } from '../../task/task.ts'
import { bringInMissing, publishedByChildren } from '../family/children.ts'
import { handedOver } from '../handoff/handed-over.ts'
import { shareWork } from './courier.ts'
import { driverOf } from './driver-choice.ts'
import { AttemptFailed } from './failure.ts'
import type { Held } from './held.ts'
import { proveAnswer } from './prove-answer.ts'
import { proveWork } from './prove-work.ts'
import { eventOf, stopAgent, workspaceOf } from './stop.ts'

/**
 * reported ─▶ verified: the agent is stopped, then the forge is asked. Publishes what the agent left unpublished when
 * the task says that Orch does. Every step may be done again. @throws AttemptFailed, and OrchError when the forge is out
 * of reach for good.
 */
export async function prove(held: Held): Promise<void> {
  const { parts, task, attempt, fence } = held
  await stopAgent(parts, task, attempt.agent)
  await commitLeftovers(held)
  await bringInMissing(parts, held)
  await shareWork(held)
  const proof = await patiently(held, () => proofOf(held))
  if (proof) await parts.store.tasks.verify(fence, parts.clock.now(), proof)
}

async function proofOf(held: Held): Promise<Proof | undefined> {
  if (held.task.spec.proof === 'answer') return await proveAnswer(held)
  const handedTo = await handedOver(held.parts, held.task)
  if (handedTo.length > 0) return { handedTo }
  const published = await publishedByChildren(held.parts, held.task)
  return published.length > 0 ? { handedTo: published } : await proveWork(held)
}

/** What a command left uncommitted is its work. */
async function commitLeftovers({ parts, task, attempt }: Held): Promise<void> {
  if (task.spec.proof === 'answer') return
  if (driverOf(parts, task, attempt).commitsLeftovers) {
    const saved = await parts.workspaces.save(workspaceOf(parts, task), task.spec.title)
    if (saved.lost) parts.log.warn('workspace could not be saved', { task: task.id, why: saved.lost })
  }
}

/** Whether the answer may be better later: the forge is back, or a person is done with editing the settings. */
function isPassing(thrown: unknown): boolean {
  const error = toOrchError(thrown)
  return error.code === 'E_CONFIG' || (error.code === 'E_FORGE' && error.details?.retryable !== false)
}

/** What passes uses up no try: the work is there, only the proof waits. The first time the journal says so. */
async function patiently<T>(
  { parts, attempt, fence, signal }: Held,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  for (let pause = 1_000; !signal.aborted; pause = Math.min(60_000, pause * 2)) {
    try {
      return await ask()
    } catch (error) {
      if (error instanceof AttemptFailed || !isPassing(error)) throw error
      parts.log.warn('the proof waits', { task: fence.taskId, error })
      const text = `the proof waits: ${toOrchError(error).message}`
      if (pause === 1_000)
        await parts.store.tasks.progress(fence, {
          events: [{ ...eventOf(parts, attempt, 'note'), data: { text } }],
        })
      await parts.clock.sleep(pause, signal)
    }
  }
  return undefined
}
