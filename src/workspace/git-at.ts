import type { Env } from '../exec.ts'
import { type Git, gitError } from '../git.ts'

/**
 * git on a repository that is named instead of found: a `.git` that an agent replaced is not read, and
 * `safe.bareRepository` does not get in the way.
 * @param gitDir the git directory, or the one that git keeps for a linked worktree
 */
export function gitAt(git: Git, gitDir: string, workTree?: string): Git {
  const base = git.in(workTree ?? gitDir)
  const named = ['--git-dir', gitDir, ...(workTree === undefined ? [] : ['--work-tree', workTree])]
  return Object.assign(((args, options) => base([...named, ...args], options)) as Git, {
    dir: base.dir,
    try: ((args, options) => base.try([...named, ...args], options)) as Git['try'],
    in: (dir: string) => git.in(dir),
  })
}

/** The commit that a revision stands for; undefined when there is none. */
export async function commitOf(git: Git, rev: string): Promise<string | undefined> {
  const result = await git.try(['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`])
  return result.code === 0 ? result.stdout.trim() : undefined
}

export async function isAncestor(git: Git, older: string, newer: string): Promise<boolean> {
  return (await git.try(['merge-base', '--is-ancestor', older, newer])).code === 0
}

/** Output of a command with `-z`, untrimmed: paths may hold anything but NUL. */
export async function listed(git: Git, args: readonly string[], env: Env = {}): Promise<string[]> {
  const result = await git.try(args, { env })
  if (result.code !== 0) throw gitError(git.dir, args, result)
  return result.stdout.split('\0').filter((entry) => entry !== '')
}
