import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import type { ExecResult } from '../exec.ts'
import { type Git, gitError } from '../git.ts'

/** Only git's own tools wait for our lock: a person's `git worktree add` at the same moment makes ours fail. */
const RACED = /failed to read .*(commondir|gitdir|HEAD)|could not open .*worktrees/
const TRIES = 5

/**
 * Registers a worktree at `path` with `branch` checked out and no file in it yet. Under the repository's lock.
 * Tells whether the branch is new.
 * @throws OrchError E_WORKSPACE when the branch is checked out elsewhere or cannot be made, E_GIT
 */
export async function addWorktree(
  git: Git,
  order: { path: string; branch: string; from: string },
  clock: Clock,
): Promise<boolean> {
  const { path, branch, from } = order
  const fresh = ['--no-track', '-b', branch, path, from]
  const existing = [path, branch]
  let what = fresh // most branches are new: asking first would cost everybody who waits for the lock a process
  for (let tries = 1; ; tries++) {
    const args = ['worktree', 'add', '--quiet', '--no-checkout', ...what]
    const result = await git.try(['-c', 'worktree.useRelativePaths=false', ...args])
    if (result.code === 0) return what === fresh
    if (what === fresh && /a branch named '.*' already exists/.test(result.stderr)) what = existing
    else if (!RACED.test(result.stderr) || tries >= TRIES) throw addError(git, order, args, result)
    else await clock.sleep(20)
  }
}

function addError(
  git: Git,
  { branch, path }: { branch: string; path: string },
  args: string[],
  result: ExecResult,
): OrchError {
  const said = result.stderr.trim()
  const elsewhere = /(?:checked out|used by worktree) at '(.*)'/s.exec(said)?.[1]
  if (elsewhere !== undefined)
    return new OrchError('E_WORKSPACE', `branch ${branch} is checked out at ${elsewhere}`, {
      fix: `Leave the branch there (git -C '${elsewhere}' switch -), then retry the task.`,
    })
  if (/cannot lock ref|unable to create directory for|exists; cannot create/.test(said))
    return new OrchError('E_WORKSPACE', `branch ${branch} cannot be made for ${path}: ${said}`)
  return gitError(git.dir, args, result)
}
