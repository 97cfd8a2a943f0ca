import type { Git } from '../../git.ts'
import type { MergeMethod } from '../forge.ts'
import { commitTree, mergeTrees, type NewCommit, replayTree } from './merge-tree.ts'

export interface MergeOrder {
  method: MergeMethod
  /** Commits to merge into, and to merge. */
  base: string
  head: string
  message: string
  committer: NewCommit['committer']
}

/**
 * Makes the commit that the base branch is at after the merge; no ref moves. Head that base holds already gives base.
 * @throws OrchError E_CONFLICT with the paths
 */
export async function mergeCommit(git: Git, order: MergeOrder): Promise<string> {
  const { base, head, message, committer } = order
  if (order.method === 'rebase') return replay(git, order)
  const tree = await mergeTrees(git, base, head)
  if (order.method === 'merge')
    return commitTree(git, { tree, parents: [base, head], message, author: committer, committer })
  const author = { ...(await readCommit(git, head)).author, date: committer.date }
  return commitTree(git, { tree, parents: [base], message, author, committer })
}

/** Like `git rebase`: each commit of its own on top of base, with author and date; merges and what is there already drop out. */
async function replay(git: Git, { base, head, committer }: MergeOrder): Promise<string> {
  const args = ['rev-list', '--reverse', '--topo-order', '--no-merges', `${base}..${head}`]
  let tip = base
  for (const id of (await git(args)).split('\n').filter(Boolean)) {
    const { author, message, parent, tree } = await readCommit(git, id)
    const onto = await treeOf(git, tip)
    const from = parent ? await treeOf(git, parent) : await git(['mktree'])
    const replayed = await replayTree(git, onto, from, tree)
    if (replayed !== onto)
      tip = await commitTree(git, { tree: replayed, parents: [tip], message, author, committer })
  }
  return tip
}

const treeOf = (git: Git, commit: string) => git(['rev-parse', '--verify', `${commit}^{tree}`])

async function readCommit(git: Git, commit: string) {
  const format = '--format=%T%x00%P%x00%an%x00%ae%x00%ad%x00%B'
  const shown = await git([
    'log',
    '-1',
    '--no-show-signature',
    '--encoding=UTF-8',
    '--date=raw',
    format,
    commit,
  ])
  const [tree = '', parents = '', name = '', email = '', date = '', ...message] = shown.split('\0')
  const parent = parents.split(' ')[0]
  return {
    tree,
    parent,
    author: { name, email, date: `@${date}` },
    message: `${message.join('\0').trimEnd()}\n`,
  }
}
