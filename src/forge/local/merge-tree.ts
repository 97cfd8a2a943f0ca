import { OrchError } from '../../errors.ts'
import { type Git, gitError } from '../../git.ts'

/** Merging without a work tree, in a bare repository of ours. All functions only add objects. */

export interface Person {
  name: string
  email: string
}

export interface NewCommit {
  tree: string
  parents: string[]
  message: string
  author: Person & { date: string }
  committer: Person & { date: string }
}

/**
 * Merges two commits by their common history and gives the tree.
 * @throws OrchError E_CONFLICT with the paths in `details.paths`
 */
export async function mergeTrees(git: Git, ours: string, theirs: string): Promise<string> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs]
  const result = await git.try(args)
  const [tree, ...paths] = result.stdout.split('\0').filter(Boolean)
  if (result.code === 0 && tree) return tree
  // exit 1 alone does not say conflict: an unknown revision gives it too, without a tree
  if (result.code !== 1 || !tree || !/^[0-9a-f]{40,64}$/.test(tree)) throw gitError(git.dir, args, result)
  const shown = paths.slice(0, 10).join(', ') + (paths.length > 10 ? ', …' : '')
  throw new OrchError('E_CONFLICT', `the merge has conflicts in ${shown}`, { details: { paths } })
}

/**
 * Merges the change between two trees into a third: what cherry-pick does. git 2.39's merge-tree takes its merge base
 * only from history, so three commits of no other meaning give it that history.
 */
export async function replayTree(git: Git, onto: string, from: string, to: string): Promise<string> {
  const plain = { name: 'Orch', email: 'orch@localhost', date: '@0 +0000' }
  const commit = (tree: string, parents: string[]) =>
    commitTree(git, { tree, parents, message: 'scaffold', author: plain, committer: plain })
  const base = await commit(from, [])
  return mergeTrees(git, await commit(onto, [base]), await commit(to, [base]))
}

/** Writes a commit and gives its id. A name that git would refuse as empty becomes `unknown`. */
export async function commitTree(git: Git, commit: NewCommit): Promise<string> {
  const parents = commit.parents.flatMap((parent) => ['-p', parent])
  return git(['commit-tree', '--no-gpg-sign', commit.tree, ...parents, '-F', '-'], {
    input: commit.message,
    env: { ...identity('AUTHOR', commit.author), ...identity('COMMITTER', commit.committer) },
  })
}

const identity = (role: 'AUTHOR' | 'COMMITTER', who: NewCommit['author']) => ({
  [`GIT_${role}_NAME`]: who.name.replace(/^[\s.,:;<>"\\']+$/, '') || 'unknown',
  [`GIT_${role}_EMAIL`]: who.email,
  [`GIT_${role}_DATE`]: who.date,
})
