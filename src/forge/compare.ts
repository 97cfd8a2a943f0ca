import { OrchError } from '../errors.ts'
import { type Git, gitError } from '../git.ts'
import type { Comparison } from './forge.ts'

/** Reads what a pull request would change, in a bare repository of ours, where no diff driver is configured. */

const MERGE_BASE = ['merge-base', '--end-of-options']
const PLAIN = ['--no-ext-diff', '--no-textconv', '--no-color', '-r']

/**
 * Compares two commits by merge base. Renames count as a deletion and an addition, so that each path of the answer is
 * one that the change touches; binary files count no lines.
 * @throws OrchError E_CONFLICT when the two have no common history, E_GIT
 */
export async function compareCommits(git: Git, base: string, head: string): Promise<Comparison> {
  const mergeBase = await commonCommit(git, base, head)
  const commits = Number(await git(['rev-list', '--count', `${base}..${head}`]))
  const args = ['diff-tree', ...PLAIN, '--no-renames', '--numstat', '-z', mergeBase, head]
  const result = await git.try(args)
  if (result.code !== 0) throw gitError(git.dir, args, result)
  return { mergeBase, commits, files: readNumstat(result.stdout) }
}

/** The diff as `git diff base...head` prints it; what is longer than 64 MiB is cut, and says so. */
export async function diffCommits(git: Git, base: string, head: string): Promise<string> {
  const mergeBase = await commonCommit(git, base, head)
  const args = ['diff-tree', ...PLAIN, '-p', '--find-renames', '--full-index', mergeBase, head]
  const result = await git.try(args)
  if (result.code !== 0) throw gitError(git.dir, args, result)
  return result.truncated ? `${result.stdout}\n(cut: the diff is longer than this)\n` : result.stdout
}

async function commonCommit(git: Git, base: string, head: string): Promise<string> {
  const result = await git.try([...MERGE_BASE, base, head])
  if (result.code === 0) return result.stdout.trim().split('\n')[0] ?? ''
  if (result.code === 1) throw new OrchError('E_CONFLICT', `${head} has no history in common with ${base}`)
  throw gitError(git.dir, MERGE_BASE, result)
}

function readNumstat(output: string): Comparison['files'] {
  return output
    .split('\0')
    .filter(Boolean)
    .map((line) => {
      const [additions, deletions, ...path] = line.split('\t')
      return { path: path.join('\t'), additions: Number(additions) || 0, deletions: Number(deletions) || 0 }
    })
}
