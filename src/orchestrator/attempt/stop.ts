import { toOrchError } from '../../errors.ts'
import type { NewEvent } from '../../journal/journal.ts'
import type { Attempt, Task } from '../../task/task.ts'
import type { Saved, Workspace } from '../../workspace/workspace.ts'
import type { Parts } from '../parts.ts'

/** The workspace of a task as it is named, whether it is there or not. */
export function workspaceOf(parts: Pick<Parts, 'workspaces'>, task: Task): Workspace {
  return parts.workspaces.at(task.spec.repo, task.id, task.spec.branch)
}

/**
 * Ends an agent's processes, all of them, and closes its session. Safe to call twice. A session that cannot be closed
 * (tmux is gone) has no processes left in it and is no error.
 */
export async function stopAgent(parts: Parts, task: Task, agent: string): Promise<void> {
  const { killed } = await parts.directories.stop(agent, parts.config.graceSeconds * 1_000)
  if (killed > 0) parts.log.info('processes had to be killed', { agent, killed })
  await parts.runtimes[task.spec.runtime].close(agent).catch((error) => {
    parts.log.warn('the session of an agent could not be closed', { agent, error })
  })
}

/** Commits what an attempt without proof leaves in its workspace, so that nothing is lost and the next one can go on. */
export async function saveWork(parts: Parts, task: Task, epoch: number): Promise<Saved> {
  const message = `Work saved from attempt ${epoch}: ${task.spec.title}`
  return await parts.workspaces.save(workspaceOf(parts, task), message)
}

/** Faults that pass: whoever waits can save later. */
const PASSING = ['E_DISK_FULL', 'E_TIMEOUT']

/** As saveWork; but what git cannot save for good (the repository is gone) stays where it is and holds nothing up. */
export async function saveIfPossible(parts: Parts, task: Task, epoch: number): Promise<Saved> {
  try {
    return await saveWork(parts, task, epoch)
  } catch (thrown) {
    const error = toOrchError(thrown)
    if (PASSING.includes(error.code)) throw error
    parts.log.error('work could not be saved', { task: task.id, error })
    const { path } = workspaceOf(parts, task)
    return { head: undefined, committed: false, lost: `it stays in ${path}: ${error.message}` }
  }
}

/** What became of the work, as an event. */
export function savedEvent(parts: Parts, attempt: Attempt, saved: Saved): NewEvent {
  const data = {
    ...(saved.head && { commit: saved.head }),
    committed: saved.committed,
    ...(saved.lost && { lost: saved.lost }),
  }
  return { ...eventOf(parts, attempt, 'work.saved'), data }
}

/** An event of an attempt, now. */
export function eventOf(parts: Pick<Parts, 'clock'>, attempt: Attempt, type: NewEvent['type']): NewEvent {
  const { taskId, runId, epoch, agent } = attempt
  return { type, at: parts.clock.now(), taskId, runId, epoch, agent }
}
