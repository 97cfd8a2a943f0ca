import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Git } from '../git.ts'

const MAKES_COMMITS = /^(commit|cherry-pick|revert|merge|rebase|am)\b/
const ONLY_MOVES = /fast-forward$|checkout /i

/** Whether every commit from `older` to `newer` was made in this worktree, by its reflog. In doubt it is no. */
export async function madeHere(git: Git, admin: string, older: string, newer: string): Promise<boolean> {
  const made = await commitsOfReflog(admin)
  const range = await git(['rev-list', '--first-parent', newer, `^${older}`])
  return range.split('\n').every((commit) => commit === '' || made.has(commit))
}

async function commitsOfReflog(admin: string): Promise<Set<string>> {
  const log = await readFile(join(admin, 'logs', 'HEAD'), 'utf8').catch(() => '')
  const made = new Set<string>()
  for (const line of log.split('\n')) {
    const [who = '', what = ''] = line.split('\t', 2)
    const commit = who.split(' ')[1]
    if (commit && MAKES_COMMITS.test(what) && !ONLY_MOVES.test(what)) made.add(commit)
  }
  return made
}
