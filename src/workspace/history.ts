import { type Git, gitError } from '../git.ts'
import { agentIgnores } from './agent-ignores.ts'
import { openDesk } from './desk.ts'
import { commitOf, gitAt, listed } from './git-at.ts'
import type { SaverOptions } from './save.ts'
import type { Workspaces } from './workspace.ts'

/** So many paths that a commit does not have are looked for in its history. */
const MOST_SEARCHES = 50

/** Reads what was done in a checkout and on its branch; changes nothing. */
export function createHistory(
  options: Pick<SaverOptions, 'git' | 'locate' | 'env'>,
): Pick<Workspaces, 'standing' | 'changes' | 'known' | 'commit'> {
  const { git, locate, env } = options
  const at = async (repo: string) => gitAt(git, (await locate(repo)).gitDir)
  return {
    async standing(workspace) {
      const desk = await openDesk(git, await locate(workspace.repo), workspace)
      if (typeof desk === 'string') return { onBranch: false, uncommitted: [] }
      const ignores = await agentIgnores(desk.git, desk.path, env)
      const args = ['status', '--porcelain', '-z', '--no-renames', '--untracked-files=normal']
      const lines = await listed(desk.git, args, ignores)
      return { onBranch: desk.onBranch, uncommitted: lines.map((line) => line.slice(3)) }
    },
    async changes(repo, from, head, limit) {
      const own = await at(repo)
      const range = [`--max-count=${limit}`, '--format=tformat:%s', '--end-of-options', `${from}..${head}`]
      const text = await own.try(['rev-list', ...range])
      if (text.code !== 0) throw gitError(own.dir, ['rev-list', ...range], text)
      const diff = ['diff-tree', '-r', '--no-renames', '--no-ext-diff', '--name-only', '-z']
      return { commits: readCommits(text.stdout), files: await listed(own, [...diff, from, head]) }
    },
    async known(repo, commit, paths) {
      const own = await at(repo)
      const there = await inTree(own, commit, paths)
      const searched = paths.filter((path) => !there.has(path)).slice(0, MOST_SEARCHES)
      for (const path of searched) if (await wasThere(own, commit, path)) there.add(path)
      return paths.filter((path) => there.has(path))
    },
    async commit(repo, id) {
      const own = await at(repo)
      const found = /^[0-9a-f]{4,64}$/.test(id) ? await commitOf(own, id) : undefined
      if (!found?.startsWith(id)) return undefined // a branch may be called like the beginning of an id
      return readCommits(await own(['rev-list', '--no-walk', '--format=tformat:%s', found]))[0]
    },
  }
}

/** Pairs of lines: `commit ID`, then the subject. */
function readCommits(output: string): { id: string; subject: string }[] {
  const lines = output.split('\n')
  return lines.flatMap((line, index) => {
    const id = index % 2 === 0 && /^commit ([0-9a-f]{40,64})$/.exec(line)?.[1]
    return id ? [{ id, subject: lines[index + 1] ?? '' }] : []
  })
}

async function inTree(git: Git, commit: string, paths: readonly string[]): Promise<Set<string>> {
  const input = paths.map((path) => `${commit}:${path}\n`).join('')
  const answers = (await git(['cat-file', '--batch-check=%(objectname)'], { input })).split('\n')
  return new Set(paths.filter((_, index) => /^[0-9a-f]{40,64}$/.test(answers[index] ?? '')))
}

async function wasThere(git: Git, commit: string, path: string): Promise<boolean> {
  const args = ['--literal-pathspecs', 'rev-list', '--max-count=1', commit, '--', path]
  const result = await git.try(args)
  if (result.code !== 0) throw gitError(git.dir, args, result)
  return result.stdout.trim() !== ''
}
