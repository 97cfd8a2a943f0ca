import { existsSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Git } from '../git.ts'
import { repositoryId } from '../git-repository-id.ts'

/** Where the forges of this host have their bare repository of a repository. @param forge `paths.forge` */
export const barePath = (forge: string, repo: string): string =>
  join(forge, repositoryId(realpathSync(repo)), 'repo.git')

/** Commits that refs below `prefix` are at. @throws OrchError E_GIT */
export async function commitsOf(git: Git, prefix = 'refs'): Promise<string[]> {
  const lines = await git(['for-each-ref', '--format=%(objecttype) %(objectname)', prefix])
  return lines.split('\n').flatMap((line) => (line.startsWith('commit ') ? [line.slice(7)] : []))
}

/** Whether a ref below one of `prefixes` holds the commit: what no ref holds may be gone tomorrow. */
export async function contains(git: Git, commit: string, prefixes = ['refs']): Promise<boolean> {
  const args = ['for-each-ref', '--count=1', '--format=%(refname)', `--contains=${commit}`, ...prefixes]
  const found = await git.try(args)
  return found.code === 0 && found.stdout.trim() !== ''
}

/** The same for the bare repository that a forge of this host has of it, if it has one. */
export async function bareContains(git: Git, forge: string, repo: string, commit: string): Promise<boolean> {
  const bare = barePath(forge, repo)
  return existsSync(bare) && (await contains(git.in(bare), commit))
}
