import type { ExecResult } from '../exec.ts'
import type { Git, GitOptions } from '../git.ts'

/** How git is run on our bare repositories, and how commits come from the person's repository. */

/** git on a git directory, whatever the current directory and `safe.bareRepository` say, without any attributes. */
export function gitOn(git: Git, dir: string): Git {
  const own = git.in(dir)
  const shielded = (options?: GitOptions): GitOptions => ({
    ...options,
    env: {
      GIT_DIR: dir,
      GIT_ATTR_NOSYSTEM: '1',
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'core.attributesFile',
      GIT_CONFIG_VALUE_0: '/dev/null',
      GIT_CONFIG_KEY_1: 'i18n.commitEncoding',
      GIT_CONFIG_VALUE_1: 'UTF-8',
      ...options?.env,
    },
  })
  const run = (args: readonly string[], options?: GitOptions) => own(args, shielded(options))
  const attempt = (args: readonly string[], options?: GitOptions) => own.try(args, shielded(options))
  return Object.assign(run, { dir, try: attempt, in: git.in })
}

/**
 * How commits are fetched between the person's repository and ours. The program is named because a configuration
 * could name another one for this very URL; GIT_ALLOW_PROTOCOL keeps `url.*.insteadOf` from leading anywhere else.
 */
export const FETCH = [
  'fetch',
  '--quiet',
  '--no-tags',
  '--no-write-fetch-head',
  '--no-recurse-submodules',
  '--no-auto-maintenance',
  '--update-shallow',
  '--upload-pack=git-upload-pack',
]
export const FILE_ONLY = { GIT_ALLOW_PROTOCOL: 'file', GIT_NO_LAZY_FETCH: '1' }

/** A `git worktree add` at the same moment lets git stumble over a half-written entry: then once more. */
export async function steadily(attempt: () => Promise<ExecResult>): Promise<ExecResult> {
  let result = await attempt()
  for (let again = 0; again < 3 && /failed to read .*worktrees\//.test(result.stderr); again++)
    result = await attempt()
  return result
}

/** Commit that a revision stands for; undefined when it is not there. */
export async function commitOf(git: Git, rev: string): Promise<string | undefined> {
  const args = ['rev-parse', '--verify', '--quiet', '--end-of-options', `${rev}^{commit}`]
  const result = await git.try(args)
  return result.code === 0 ? result.stdout.trim() : undefined
}
