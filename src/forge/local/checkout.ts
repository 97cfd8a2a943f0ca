import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Git, gitError } from '../../git.ts'
import { steadily } from '../bare-git.ts'

/** A work tree that has a branch checked out, or is in the middle of a rebase of it. */
export interface Checkout {
  path: string
  /** Its own git directory. */
  gitDir: string
  /** What is under way there and must be ended by the person first. */
  busy: string | undefined
}

/** Every work tree of the repository (linked ones too) that would feel it if the branch moved. */
export async function checkouts(git: Git, branch: string): Promise<Checkout[]> {
  const args = ['worktree', 'list', '--porcelain', '-z']
  const result = await steadily(() => git.try(args))
  if (result.code !== 0) throw gitError(git.dir, args, result)
  const found: Checkout[] = []
  for (const entry of result.stdout.split('\0\0').filter(Boolean)) {
    const lines = entry.split('\0')
    const path = lines[0]?.replace(/^worktree /, '') ?? ''
    if (lines.includes('bare') || !existsSync(path)) continue
    const has = lines.includes(`branch refs/heads/${branch}`)
    if (!has && !lines.includes('detached')) continue
    const gitDir = await git.in(path)(['rev-parse', '--absolute-git-dir'])
    if (has || rebased(gitDir) === `refs/heads/${branch}`)
      found.push({ path, gitDir, busy: busyWith(gitDir) })
  }
  return found
}

const UNDER_WAY: [string, string][] = [
  ['MERGE_HEAD', 'merge'],
  ['CHERRY_PICK_HEAD', 'cherry-pick'],
  ['REVERT_HEAD', 'revert'],
  ['rebase-merge', 'rebase'],
  ['rebase-apply', 'rebase'],
]

const busyWith = (gitDir: string) => UNDER_WAY.find(([file]) => existsSync(join(gitDir, file)))?.[1]

function rebased(gitDir: string): string | undefined {
  for (const kind of ['rebase-merge', 'rebase-apply']) {
    const file = join(gitDir, kind, 'head-name')
    if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  }
  return undefined
}
