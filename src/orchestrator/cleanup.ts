import { isFinal, type Task } from '../task/task.ts'
import type { Parts } from './parts.ts'
import { dropRunEnv } from './run-env.ts'
import { workspaceOf } from './stop.ts'
import { endStrays } from './strays.ts'

export interface CleanupOptions {
  /** Also ends agents that nothing owns, and removes the attempt directories (and with them the transcripts) of tasks that ended. */
  force: boolean
  dryRun: boolean
}

export interface Cleaned {
  removed: string[]
  kept: { what: string; why: string }[]
}

/** Removes what tasks that ended have left: workspaces, merged branches, directories. Never unmerged work. */
export async function cleanUp(parts: Parts, options: CleanupOptions): Promise<Cleaned> {
  const cleaned: Cleaned = { removed: [], kept: [] }
  const tasks = await parts.store.tasks.list({ limit: 100_000 })
  for (const task of tasks) {
    if (isFinal(task.state)) await cleanTask(parts, task, options, cleaned)
    else cleaned.kept.push({ what: task.id, why: `it is ${task.state}` })
  }
  if (options.dryRun) return cleaned
  await dropFinishedEnvs(parts, tasks)
  if (options.force) cleaned.removed.push(...(await endStrays(parts)).map((agent) => `agent ${agent}`))
  await parts.workspaces.sweep()
  return cleaned
}

async function cleanTask(
  parts: Parts,
  task: Task,
  { force, dryRun }: CleanupOptions,
  cleaned: Cleaned,
): Promise<void> {
  const place = workspaceOf(parts, task)
  if (await parts.workspaces.exists(place)) {
    cleaned.removed.push(`workspace ${place.path}`)
    if (!dryRun) {
      await parts.workspaces.save(place, `Work saved at cleanup: ${task.spec.title}`)
      await parts.workspaces.remove(place)
    }
  }
  await cleanBranch(parts, task, dryRun, cleaned)
  if (force) await cleanDirectories(parts, task, dryRun, cleaned)
}

async function cleanBranch(parts: Parts, task: Task, dryRun: boolean, cleaned: Cleaned): Promise<void> {
  const { repo, branch, base } = task.spec
  const state = await parts.workspaces.branchState(repo, branch, base).catch(() => 'gone' as const)
  if (state === 'gone') return
  if (state === 'unmerged') {
    cleaned.kept.push({ what: `branch ${branch}`, why: 'it holds work that is not merged' })
    return
  }
  cleaned.removed.push(`branch ${branch}`)
  if (!dryRun) await parts.workspaces.dropBranch(repo, branch, base)
}

async function cleanDirectories(parts: Parts, task: Task, dryRun: boolean, cleaned: Cleaned): Promise<void> {
  for (const { agent } of await parts.store.tasks.attempts(task.id)) {
    if ((await parts.directories.status(agent)).state === 'absent') continue
    cleaned.removed.push(`attempt directory ${agent}`)
    if (!dryRun) await parts.directories.remove(agent)
  }
}

async function dropFinishedEnvs(parts: Parts, tasks: Task[]): Promise<void> {
  const open = new Set(tasks.filter((task) => !isFinal(task.state)).map((task) => task.runId))
  for (const runId of new Set(tasks.map((task) => task.runId))) {
    if (!open.has(runId)) await dropRunEnv(parts.paths, runId)
  }
}
