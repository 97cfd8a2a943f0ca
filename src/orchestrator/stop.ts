import type { Task } from '../task/task.ts'
import type { Saved, Workspace } from '../workspace/workspace.ts'
import type { Parts } from './parts.ts'

/** The workspace of a task as it is named, whether it is there or not. */
export function workspaceOf(parts: Parts, task: Task): Workspace {
  return parts.workspaces.at(task.spec.repo, task.id, task.spec.branch)
}

/** Ends an agent's processes, all of them, and closes its session. Safe to call twice. */
export async function stopAgent(parts: Parts, task: Task, agent: string): Promise<void> {
  const { killed } = await parts.directories.stop(agent, parts.config.graceSeconds * 1_000)
  if (killed > 0) parts.log.info('processes had to be killed', { agent, killed })
  await parts.runtimes[task.spec.runtime].close(agent)
}

/** Commits what an attempt without proof leaves in its workspace, so that nothing is lost and the next one can go on. */
export async function saveWork(parts: Parts, task: Task, epoch: number): Promise<Saved> {
  const message = `Work saved from attempt ${epoch}: ${task.spec.title}`
  return await parts.workspaces.save(workspaceOf(parts, task), message)
}
