import { statfs } from 'node:fs/promises'
import { OrchError } from '../errors.ts'
import { type Git, gitError } from '../git.ts'
import { gitAt } from './git-at.ts'
import { findAdmin } from './worktree-admin.ts'

/** Large files may come over the network (LFS, partial clones). */
const LIMIT_MS = 30 * 60_000
const NEARLY_FULL = 16 * 1024 * 1024

/**
 * Writes the files of a worktree that was added without them. Outside of the repository's lock, so that many go at once.
 * Filters of the repository (LFS) run as they do for the person; hooks do not.
 * @throws OrchError E_DISK_FULL, E_GIT
 */
export async function checkOut(git: Git, gitDir: string, path: string): Promise<void> {
  const admin = await findAdmin(gitDir, path)
  if (!admin) throw new OrchError('E_WORKSPACE', `git does not know the worktree ${path} that was just added`)
  const args = ['reset', '--hard', '--quiet', '--no-recurse-submodules']
  const result = await gitAt(git, admin, path).try(args, { timeoutMs: LIMIT_MS })
  if (result.code === 0) return
  const error = gitError(path, args, result)
  throw (await isFull(path, result.stderr)) ? new OrchError('E_DISK_FULL', error.message) : error
}

/** For some files git does not say why it could not write them. */
async function isFull(path: string, stderr: string): Promise<boolean> {
  if (!/unable to (write|create) file|unable to write new index/.test(stderr)) return false
  const disk = await statfs(path)
  return disk.bavail * disk.bsize < NEARLY_FULL || disk.ffree === 0
}
