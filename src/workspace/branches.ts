import type { Git } from '../git.ts'
import type { Log } from '../log.ts'
import { commitOf, gitAt, isAncestor, listed } from './git-at.ts'
import type { Repository } from './repository.ts'
import type { RepositoryLock } from './repository-lock.ts'
import { savedRefs } from './saved-ref.ts'
import type { Workspaces } from './workspace.ts'

export interface BranchOptions {
  git: Git
  locate(repo: string): Promise<Repository>
  lock: RepositoryLock
  log: Log
}

/** What becomes of a task's branch when the task is over. */
export function createBranches(options: BranchOptions): Pick<Workspaces, 'branchState' | 'dropBranch'> {
  const { locate, lock, log } = options
  const open = async (repo: string) => {
    const { gitDir } = await locate(repo)
    return { gitDir, git: gitAt(options.git, gitDir) }
  }
  return {
    async branchState(repo, branch, base) {
      return branchState((await open(repo)).git, branch, base)
    },
    async dropBranch(repo, branch, base) {
      const { git, gitDir } = await open(repo)
      await lock.hold(gitDir, async () => {
        const tip = await commitOf(git, `refs/heads/${branch}`)
        if (!tip || (await branchState(git, branch, base)) !== 'merged') return
        if (await isCheckedOut(git, branch)) return log.info('branch stays: it is checked out', { branch })
        await deleteBranch(git, branch, tip)
      })
    },
  }
}

async function branchState(git: Git, branch: string, base: string): Promise<'gone' | 'merged' | 'unmerged'> {
  const tip = await commitOf(git, `refs/heads/${branch}`)
  if (!tip) return 'gone'
  if (branch === base) return 'unmerged'
  for (const ref of [`refs/heads/${base}`, `refs/remotes/origin/${base}`]) {
    const into = await commitOf(git, ref)
    if (into && ((await isAncestor(git, tip, into)) || (await hasAllOf(git, into, tip)))) return 'merged'
  }
  return 'unmerged'
}

/** A squash or rebase merge leaves other commits: then each file that the branch changed is in the base as the branch has it. */
async function hasAllOf(git: Git, base: string, tip: string): Promise<boolean> {
  const fork = await git.try(['merge-base', base, tip])
  if (fork.code !== 0) return false
  const names = (a: string, b: string) =>
    listed(git, ['diff-tree', '-r', '-z', '--no-renames', '--name-only', a, b])
  const differ = new Set(await names(base, tip))
  return (await names(fork.stdout.trim(), tip)).every((name) => !differ.has(name))
}

async function isCheckedOut(git: Git, branch: string): Promise<boolean> {
  return (await listed(git, ['worktree', 'list', '--porcelain', '-z'])).includes(
    `branch refs/heads/${branch}`,
  )
}

/** Only if it still is at `tip`. What save() kept of it goes with it, as far as the branch holds it. */
async function deleteBranch(git: Git, branch: string, tip: string): Promise<void> {
  const kept = await git(['for-each-ref', '--format=%(refname)', `--merged=${tip}`, savedRefs(branch)])
  const refs = kept.split('\n').filter((ref) => ref !== '')
  const orders = [`delete refs/heads/${branch} ${tip}`, ...refs.map((ref) => `delete ${ref}`)]
  await git(['update-ref', '--stdin'], { input: `${orders.join('\n')}\n` })
  await git.try(['config', '--local', '--remove-section', `branch.${branch}`])
}
