import { lstat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git } from '../../git.ts'
import type { Checkout } from './checkout.ts'

/**
 * Moves a clean work tree from one commit to the next, then its branch by `move`. Gives what is in the way, when
 * something is: then nothing was changed. Tree first and branch second, because what a crash leaves between the two then
 * looks like the merge, staged, and is recognised and finished by the next call.
 */
export async function updateTree(
  git: Git,
  checkout: Checkout,
  from: string,
  to: string,
  move: () => Promise<boolean>,
): Promise<string | undefined> {
  if (checkout.busy) return `a ${checkout.busy} is under way in ${checkout.path}: end it`
  const tree = treeGit(git, checkout.path)
  if (await hasOwnFilters(tree)) return `${checkout.path} has filters of its own, which Orch does not run`
  await tree.try(['update-index', '-q', '--refresh', '--ignore-submodules'])
  if (!(await holds(tree, to))) {
    if (!(await holds(tree, from))) return `${checkout.path} has uncommitted changes: commit or stash them`
    const obstacle = await forward(tree, checkout.path, from, to)
    if (obstacle) return obstacle
  }
  if (await move()) return undefined
  await tree.try(['read-tree', '-m', '-u', '--no-recurse-submodules', to, from])
  return 'it moved at the same moment: look at it'
}

/** Pinned to the path, because a planted core.worktree would have git write somewhere else. */
function treeGit(git: Git, path: string): Pick<Git, 'try'> {
  return { try: (args, options) => git.try([`--work-tree=${path}`, ...args], options) }
}

type TreeGit = ReturnType<typeof treeGit>

/** Index and work tree are exactly this commit (untracked files aside). Never looks into submodules: their configuration runs too. */
async function holds(git: TreeGit, commit: string): Promise<boolean> {
  const staged = await git.try([
    ...['diff-index', '--cached', '--quiet', '--no-ext-diff', '--ignore-submodules=dirty', commit, '--'],
  ])
  if (staged.code !== 0) return false
  return (await git.try(['diff-files', '--quiet', '--no-ext-diff', '--ignore-submodules=all'])).code === 0
}

/** git takes no care of untracked files that are ignored, so we look at those that would be written over. */
async function forward(git: TreeGit, path: string, from: string, to: string): Promise<string | undefined> {
  const added = await git.try([
    'diff-tree',
    '-r',
    '-z',
    '--name-only',
    '--no-renames',
    '--diff-filter=A',
    from,
    to,
  ])
  for (const name of added.stdout.split('\0').filter(Boolean))
    if (await there(join(path, name))) return `the untracked ${join(path, name)} is in the way: move it`
  const result = await git.try(['read-tree', '-m', '-u', '--no-recurse-submodules', from, to])
  if (result.code === 0) return undefined
  return `${path} could not be updated (${result.stderr.trim().split('\n')[0]}): mend that`
}

const there = (path: string) =>
  lstat(path).then(
    (found) => !found.isDirectory(), // git looks into directories itself
    () => false,
  )

/**
 * Filters that the repository itself configures are programs that anyone with write access to it can plant; without
 * them (git-crypt) the files would be wrong. Those of the person's own, global configuration (git-lfs) do run.
 */
async function hasOwnFilters(git: TreeGit): Promise<boolean> {
  const set = await git.try([
    'config',
    '--show-scope',
    '--get-regexp',
    '^filter\\..*\\.(clean|smudge|process)$',
  ])
  return /^(local|worktree)\b/m.test(set.stdout)
}
