import { rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { toOrchError } from '../errors.ts'
import { isFinal, type Task } from '../task/task.ts'
import { dropRunEnv } from './attempt/run-env.ts'
import { workspaceOf } from './attempt/stop.ts'
import { createBranchBook } from './branch-book.ts'
import type { Crew } from './crew.ts'
import type { Parts } from './parts.ts'
import type { Strays } from './strays.ts'

export interface CleanupOptions {
  /** Also ends agents that nothing owns, and removes the attempt directories (and with them the transcripts) of tasks that ended. */
  force: boolean
  dryRun: boolean
}

export interface Cleaned {
  removed: string[]
  kept: { what: string; why: string }[]
}

interface Sweep extends CleanupOptions, Cleaned {
  branches: ReturnType<typeof createBranchBook>
}

/**
 * Removes what tasks that ended have left: workspaces, merged branches, directories. Never unmerged work. What cannot be
 * removed is kept with the reason, and holds up nothing else.
 */
export async function cleanUp(
  parts: Parts,
  crew: Crew,
  strays: Strays,
  options: CleanupOptions,
): Promise<Cleaned> {
  const sweep: Sweep = { ...options, removed: [], kept: [], branches: createBranchBook(parts.git) }
  if (options.force) {
    const ended = await (options.dryRun ? strays.find() : strays.end())
    sweep.removed.push(...ended.map((agent) => `agent ${agent}`))
  }
  const tasks = await parts.store.tasks.list()
  for (const task of tasks) {
    if (isFinal(task.state)) await crew.alone(task.id, () => cleanTask(parts, task, sweep))
    else sweep.kept.push({ what: task.id, why: `it is ${task.state}` })
  }
  await clearCarried(parts, sweep)
  if (!options.dryRun) {
    await dropFinishedEnvs(parts)
    await parts.workspaces.sweep()
  }
  return { removed: sweep.removed, kept: sweep.kept }
}

/** Between hosts. In a dry run the workspaces that would be gone by now are still there. */
async function clearCarried({ carrying }: Parts, sweep: Sweep): Promise<void> {
  if (!carrying) return
  const gone = new Set(
    sweep.removed.flatMap((it) => (it.startsWith(WORKSPACE) ? [it.slice(WORKSPACE.length)] : [])),
  )
  const { removed, kept } = await carrying.clear({ dryRun: sweep.dryRun, gone })
  sweep.removed.push(...removed)
  sweep.kept.push(...kept)
}

const WORKSPACE = 'workspace '

/** The task as it is now: a person may have asked for another try since it was listed. */
async function cleanTask(parts: Parts, listed: Task, sweep: Sweep): Promise<void> {
  const task = (await parts.store.tasks.get(listed.id)) ?? listed
  if (!isFinal(task.state)) return void sweep.kept.push({ what: task.id, why: `it is ${task.state}` })
  await guarded(sweep, workspaceOf(parts, task).path, () => cleanWorkspace(parts, task, sweep))
  await guarded(sweep, `home ${task.id}`, () => cleanHome(parts, task, sweep))
  await guarded(sweep, `branch ${task.spec.branch}`, () => cleanBranch(parts, task, sweep))
  if (sweep.force) await cleanDirectories(parts, task, sweep)
}

async function guarded(sweep: Sweep, what: string, clean: () => Promise<void>): Promise<void> {
  try {
    await clean()
  } catch (error) {
    sweep.kept.push({ what, why: toOrchError(error).message })
  }
}

async function cleanWorkspace(parts: Parts, task: Task, sweep: Sweep): Promise<void> {
  const place = workspaceOf(parts, task)
  if (!(await parts.workspaces.exists(place))) return
  await parts.repositories.root(task.spec.repo) // without its repository nothing can be saved
  if (!sweep.dryRun) {
    await parts.workspaces.save(place, `Work saved at cleanup: ${task.spec.title}`)
    await parts.workspaces.remove(place)
  }
  sweep.removed.push(`${WORKSPACE}${place.path}`)
}

async function cleanBranch(parts: Parts, task: Task, sweep: Sweep): Promise<void> {
  const { repo, branch, base } = task.spec
  const what = `branch ${branch}`
  const place = await sweep.branches.find(repo, branch)
  if (!place) return
  const elsewhere = place.checkedOut.filter((path) => basename(path) !== task.id)
  if (elsewhere.length > 0)
    return void sweep.kept.push({ what, why: `it is checked out in ${elsewhere.join(', ')}` })
  if ((await parts.workspaces.branchState(repo, branch, base)) !== 'merged')
    return void sweep.kept.push({ what, why: 'it holds work that is not merged' })
  if (!sweep.dryRun) await parts.workspaces.dropBranch(repo, branch, base)
  sweep.removed.push(what)
}

/** The private settings and conversations of its agents: a task that is tried again begins without. */
async function cleanHome(parts: Parts, task: Task, sweep: Sweep): Promise<void> {
  const home = join(parts.paths.homes, task.id)
  if (!(await stat(home).catch(() => undefined))) return
  if (!sweep.dryRun) await rm(home, { recursive: true, force: true })
  sweep.removed.push(`home ${home}`)
}

async function cleanDirectories(parts: Parts, task: Task, sweep: Sweep): Promise<void> {
  for (const { agent } of await parts.store.tasks.attempts(task.id)) {
    if ((await parts.directories.status(agent)).state === 'absent') continue
    const what = `attempt directory ${agent}`
    await guarded(sweep, what, async () => {
      if (!sweep.dryRun) await parts.directories.remove(agent)
      sweep.removed.push(what)
    })
  }
}

async function dropFinishedEnvs(parts: Parts): Promise<void> {
  const tasks = await parts.store.tasks.list()
  const open = new Set(tasks.filter((task) => !isFinal(task.state)).map((task) => task.runId))
  for (const runId of new Set(tasks.map((task) => task.runId))) {
    if (!open.has(runId)) await dropRunEnv(parts.paths, runId)
  }
}
