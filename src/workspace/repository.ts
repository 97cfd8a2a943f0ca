import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { OrchError } from '../errors.ts'
import type { ExecResult } from '../exec.ts'
import type { Git } from '../git.ts'
import { repositoryId } from '../git-repository-id.ts'

/** A person's repository, however it was pointed at: by a sub-directory, a linked worktree, a symlink, its git directory. */
export interface Repository {
  /** Real path of the top of the main work tree; the git directory when there is none (bare). */
  root: string
  /** Real path of the git directory that all its worktrees share. */
  gitDir: string
  bare: boolean
  /** Its name below the state directory; the same for every way to spell the path. */
  id: string
}

export interface RepositoryFacts extends Repository {
  shallow: boolean
  /** URL of the remote `origin`, without a password. */
  origin?: string
  /** The branch that is checked out in the main work tree; absent when HEAD is detached or has no commit yet. */
  headBranch?: string
}

/**
 * Finds the repository that holds `path`.
 * @throws OrchError E_NOT_A_REPOSITORY, also when there is nothing at `path`
 */
export async function locateRepository(git: Git, path: string): Promise<Repository> {
  const here = git.in(await directory(path))
  const common = await here.try(['rev-parse', '--path-format=absolute', '--git-common-dir'])
  if (common.code !== 0) throw notARepository(path, common)
  const gitDir = await realpath(firstPath(common))
  const root = await findRoot(here, gitDir)
  return { root: root ?? gitDir, gitDir, bare: root === undefined, id: repositoryId(root ?? gitDir) }
}

/**
 * Finds the repository that holds `path` and what has to be known of it before work in it can begin.
 * @throws OrchError E_NOT_A_REPOSITORY, E_NO_COMMIT
 */
export async function openRepository(git: Git, path: string): Promise<RepositoryFacts> {
  const place = await locateRepository(git, path)
  const inside = git.in(place.gitDir)
  const [shallow, origin, head, refs] = await Promise.all([
    inside(['rev-parse', '--is-shallow-repository']),
    inside.try(['remote', 'get-url', 'origin']),
    inside.try(['symbolic-ref', '--quiet', '--short', 'HEAD']),
    inside.try(['for-each-ref', '--count=1', 'refs/heads', 'refs/remotes']),
  ])
  if (!refs.stdout.trim() && !(await hasCommit(inside, 'HEAD')))
    throw new OrchError('E_NO_COMMIT', `${place.root} has no commit yet`)
  const branch = head.code === 0 ? head.stdout.trim() : undefined
  const born = branch !== undefined && (await hasCommit(inside, `refs/heads/${branch}`))
  return {
    ...place,
    shallow: shallow === 'true',
    ...(origin.code === 0 && { origin: withoutPassword(origin.stdout.trim()) }),
    ...(born && { headBranch: branch }),
  }
}

/**
 * The author that git would use for a commit in that directory.
 * @throws OrchError E_NO_IDENTITY when git would have to guess it from the names of the user and the machine
 */
export async function identity(git: Git): Promise<{ name: string; email: string }> {
  const result = await git.try(['-c', 'user.useConfigOnly=true', 'var', 'GIT_AUTHOR_IDENT'])
  const [, name, email] = /^(.*) <(.*)> \d+ [+-]\d+$/.exec(result.stdout.trim()) ?? []
  if (result.code === 0 && name && email) return { name, email }
  throw new OrchError('E_NO_IDENTITY', `git does not know who you are in ${git.dir}`)
}

async function directory(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return path
  throw new OrchError('E_NOT_A_REPOSITORY', `${path} is ${found ? 'not a directory' : 'not there'}`)
}

/** Top of the main work tree, asked from anywhere in it, in a linked worktree, or in the git directory. */
async function findRoot(here: Git, gitDir: string): Promise<string | undefined> {
  const inside = here.in(gitDir)
  const configured = await inside.try(['config', '--local', '--get', 'core.worktree'])
  if (configured.code === 0) return realpath(resolve(gitDir, firstPath(configured)))
  if ((await inside(['rev-parse', '--is-bare-repository'])) === 'true') return undefined
  if (basename(gitDir) === '.git') return dirname(gitDir)
  return separateTop(here, gitDir)
}

/** `git init --separate-git-dir` leaves no way from the git directory to its work tree: only from inside of that one. */
async function separateTop(here: Git, gitDir: string): Promise<string | undefined> {
  const own = await here.try(['rev-parse', '--absolute-git-dir'])
  const top = await here.try(['rev-parse', '--show-toplevel'])
  const inMain = own.code === 0 && top.code === 0 && (await realpath(firstPath(own))) === gitDir
  return inMain ? realpath(firstPath(top)) : undefined
}

async function hasCommit(git: Git, rev: string): Promise<boolean> {
  return (await git.try(['rev-parse', '--verify', '--quiet', `${rev}^{commit}`])).code === 0
}

/** Paths may end in blanks and hold newlines: only git's own newline goes. */
const firstPath = (result: ExecResult) => result.stdout.replace(/\n$/, '')

function withoutPassword(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)([^/@]*)@/i, (_, scheme: string, who: string) =>
    scheme.startsWith('http') ? scheme : `${scheme}${who.split(':')[0]}@`,
  )
}

function notARepository(path: string, result: ExecResult): OrchError {
  const said = result.stderr.trim().split('\n')[0] ?? ''
  const why = said.includes('not a git repository') ? '' : `: ${said}`
  return new OrchError('E_NOT_A_REPOSITORY', `${path} is not in a git repository${why}`)
}
