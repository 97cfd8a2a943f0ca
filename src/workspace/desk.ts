import { lstat, readdir, readFile, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git } from '../git.ts'
import { commitOf, gitAt } from './git-at.ts'
import { readRecord } from './record.ts'
import type { Repository } from './repository.ts'
import type { Workspace } from './workspace.ts'
import { findAdmin, headRef } from './worktree-admin.ts'

/** A checkout as an agent left it: what its git directory says, whatever became of its `.git` file. */
export interface Desk {
  git: Git
  path: string
  branch: string
  /** What git keeps of the worktree; undefined when the agent had git forget it. */
  admin: string | undefined
  /** Where the files belong: the commit of HEAD, or of the branch when HEAD is not to be had. */
  head: string | undefined
  /** Commit of the task's branch; undefined when it is gone. */
  tip: string | undefined
  /** True when the task's branch is what is checked out. */
  onBranch: boolean
  /** What a person should know of it. */
  notes: string[]
}

/** Looks at a checkout. Gives a word of explanation when there is nothing that could be saved. */
export async function openDesk(
  git: Git,
  repository: Repository,
  workspace: Workspace,
): Promise<Desk | string> {
  const { path, branch } = workspace
  const lost = await whyLost(path)
  if (lost) return lost
  const admin = await findAdmin(repository.gitDir, path)
  const desk = gitAt(git, admin ?? repository.gitDir, path)
  const tip = await commitOf(desk, `refs/heads/${branch}`)
  const ref = admin && (await headRef(admin))
  const head = admin ? ((await commitOf(desk, 'HEAD')) ?? tip) : tip
  const onBranch = admin === undefined || ref === `refs/heads/${branch}`
  const notes = await oddities(admin, path, ref, branch)
  return { git: desk, path, branch, admin, head, tip, onBranch, notes }
}

async function whyLost(path: string): Promise<string | undefined> {
  const stats = await lstat(path).catch(() => undefined)
  if (!stats) return 'its directory is gone'
  if (!stats.isDirectory()) return 'something else is where its directory was'
  if ((await readdir(path)).length === 0) return 'its directory was emptied'
  if (!(await readRecord(path))) return 'its checkout was never completed'
  return undefined
}

async function oddities(
  admin: string | undefined,
  path: string,
  ref: string | undefined,
  branch: string,
): Promise<string[]> {
  if (!admin) return ['git had been made to forget the worktree']
  const notes = (await pointsTo(path, admin))
    ? []
    : ['its .git was removed or replaced; commits made in another repository there were not looked at']
  if (ref === undefined) notes.push('HEAD was detached')
  else if (ref !== `refs/heads/${branch}`)
    notes.push(`another branch was checked out: ${ref.replace('refs/heads/', '')}`)
  return notes
}

async function pointsTo(path: string, admin: string): Promise<boolean> {
  const text = await readFile(join(path, '.git'), 'utf8').catch(() => '')
  const target = /^gitdir: (.+)\n?$/s.exec(text)?.[1]
  if (!target) return false
  const real = await realpath(target.replace(/\n$/, '')).catch(() => undefined)
  return real === (await realpath(admin))
}
