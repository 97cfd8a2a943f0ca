import { readdir } from 'node:fs/promises'
import { type Git, gitError } from '../git.ts'
import type { Turns } from '../turns.ts'
import { author } from './commit-snapshot.ts'
import { type Desk, openDesk } from './desk.ts'
import { commitOf, gitAt, isAncestor } from './git-at.ts'
import type { Repository } from './repository.ts'
import type { Merging, Workspaces } from './workspace.ts'

export interface MergerOptions {
  git: Git
  locate(repo: string): Promise<Repository>
  inTurn: Turns
}

/** Merges into an agent's checkout, without git's own merge: that one leaves conflicts behind, and runs hooks and drivers. */
export function createMerger({ git, locate, inTurn }: MergerOptions): Pick<Workspaces, 'merge' | 'contains'> {
  return {
    merge: (workspace, commit, message) =>
      inTurn(workspace.path, async () => {
        const desk = await openDesk(git, await locate(workspace.repo), workspace)
        return typeof desk === 'string' ? { blocked: desk } : await merge(desk, commit, message)
      }),

    async contains(repo, commit, head) {
      const { gitDir } = await locate(repo)
      const inside = gitAt(git, gitDir)
      const [older, newer] = [await commitOf(inside, commit), await commitOf(inside, head)]
      return older !== undefined && newer !== undefined && (await isAncestor(inside, older, newer))
    },
  }
}

/**
 * Everything is worked out beside the checkout; then files and index take one step, and the branch the last. Killed between
 * the two, the next call finds the files as they are to be, and takes the last step.
 */
async function merge(desk: Desk, commit: string, message: string): Promise<Merging> {
  const { git, head, tip } = desk
  const theirs = await commitOf(git, commit)
  if (!theirs) return { blocked: `there is no commit ${commit}` }
  if (tip && (await isAncestor(git, theirs, tip))) return { merged: tip }
  const why = await whyNot(desk)
  if (why || !head || !tip) return { blocked: why ?? 'its branch is gone' }
  const tree = await mergeTrees(git, tip, theirs)
  if (typeof tree !== 'string') return tree
  const merged = await commitMerge(git, { tree, parents: [tip, theirs], message })
  await git.try(['update-index', '-q', '--refresh']) // else a file that was only touched counts as changed
  const moved = await git.try(step(tip, merged))
  if (moved.code !== 0) return { blocked: inTheWay(moved.stderr) ?? failed(git, step(tip, merged), moved) }
  const update = ['update-ref', '-m', `merge ${theirs}`, `refs/heads/${desk.branch}`, merged, tip]
  if ((await git.try(update)).code === 0) return { merged }
  await git.try(step(merged, 'HEAD'))
  return { blocked: 'its branch was moved meanwhile' }
}

/** From one commit to the other: git refuses before it touches anything when what is uncommitted would be lost. */
const step = (from: string, to: string) => ['read-tree', '-m', '-u', '--no-recurse-submodules', from, to]

const UNDER_WAY = {
  MERGE_HEAD: 'a merge',
  CHERRY_PICK_HEAD: 'a cherry-pick',
  REVERT_HEAD: 'a revert',
  'rebase-merge': 'a rebase',
  'rebase-apply': 'a rebase',
  'index.lock': 'another git command',
} as const

/** What an agent has begun is its own to end. */
async function whyNot({ admin, onBranch, branch, notes }: Desk): Promise<string | undefined> {
  if (!admin) return notes.join('; ')
  if (!onBranch) return `${branch} is not checked out`
  const names = new Set(await readdir(admin))
  const found = Object.entries(UNDER_WAY).find(([name]) => names.has(name))
  return found && `${found[1]} is under way`
}

/** The tree of both, or the files that conflict. Drivers of the repository's attributes run as they do for the person. */
async function mergeTrees(git: Git, ours: string, theirs: string): Promise<string | { conflicts: string[] }> {
  const args = ['merge-tree', '--write-tree', '-z', '--name-only', '--no-messages', ours, theirs]
  const result = await git.try(args)
  const [tree = '', ...conflicts] = result.stdout.split('\0').filter(Boolean)
  if (result.code === 0 && tree) return tree
  // Exit 1 alone does not say conflict: without a tree it was something else.
  if (result.code === 1 && /^[0-9a-f]{40,64}$/.test(tree)) return { conflicts: [...new Set(conflicts)] }
  throw gitError(git.dir, args, result)
}

interface MergeCommit {
  tree: string
  parents: string[]
  message: string
}

async function commitMerge(git: Git, { tree, parents, message }: MergeCommit): Promise<string> {
  const args = ['commit-tree', '--no-gpg-sign', ...parents.flatMap((it) => ['-p', it]), '-F', '-', tree]
  const text = `${message.replaceAll('\0', '').trim() || 'Merge'}\n`
  return git(['-c', 'i18n.commitEncoding=UTF-8', ...args], { input: text, env: await author(git) })
}

/** What git would have lost, as it says it: one line each. */
function inTheWay(stderr: string): string | undefined {
  if (stderr.includes("index.lock': File exists")) return 'another git command is under way'
  const files = [...stderr.matchAll(/^error: (?:Entry|Untracked working tree file|Updating) '(.+)' /gm)]
  const named = files.map(([, file = '']) => file).slice(0, 10)
  return named.length > 0 ? `uncommitted changes are in the way: ${named.join(', ')}` : undefined
}

function failed(git: Git, args: readonly string[], result: Parameters<typeof gitError>[2]): never {
  throw gitError(git.dir, args, result)
}
