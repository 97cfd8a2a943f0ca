import { OrchError } from '../errors.ts'
import type { Git } from '../git.ts'
import { gitAt } from './git-at.ts'
import { findAdmin } from './worktree-admin.ts'

/** Large files may come over the network (LFS, partial clones). */
const LIMIT_MS = 30 * 60_000

/**
 * Writes the files of a worktree that was added without them. Outside of the repository's lock, so that many go at once.
 * Filters of the repository (LFS) run as they do for the person; hooks do not.
 */
export async function checkOut(git: Git, gitDir: string, path: string): Promise<void> {
  const admin = await findAdmin(gitDir, path)
  if (!admin) throw new OrchError('E_WORKSPACE', `git does not know the worktree ${path} that was just added`)
  await gitAt(
    git,
    admin,
    path,
  )(['reset', '--hard', '--quiet', '--no-recurse-submodules'], {
    timeoutMs: LIMIT_MS,
  })
}
