import { existsSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { OrchError } from '../errors.ts'
import { type Git, gitError } from '../git.ts'
import { repositoryId, slugWithHash } from '../git-repository-id.ts'
import { createTurns } from '../turns.ts'
import { makeBare } from './bare-creation.ts'
import { commitOf, FETCH, FILE_ONLY, gitOn, steadily } from './bare-git.ts'
import { compareCommits, diffCommits } from './compare.ts'
import type { Comparison } from './forge.ts'

/**
 * The daemon's own bare repositories: one for each of the person's repositories, at `<root>/<repository id>/repo.git`.
 * Both forges read, diff, verify and push there, because git run in the person's repository would run what is planted
 * in its configuration, hooks and attributes. A bare repository of ours has no hooks and only our configuration, and
 * takes commits over file:// alone.
 *
 * What is in it: `refs/heads/*` are the branches as the (local) forge has them; `refs/orch/*` are ours and hidden from
 * pushes and fetches; `refs/tips/*` only tell a pushing git which history is here already.
 */
export interface Bare {
  /**
   * The bare repository of `repo`, made at the first call.
   * @throws OrchError E_NOT_A_REPOSITORY, E_GIT, E_DISK_FULL
   */
  open(repo: string): Promise<BareRepository>
}

export interface BareRepository {
  /** Name below the forge directory; the same for every spelling of the repository's path. */
  readonly id: string
  readonly path: string
  /** Real path of the person's repository. */
  readonly source: string
  /** git on the bare repository. Plumbing with explicit arguments only: a person's global configuration is still read. */
  readonly git: Git
  /** Runs `work` alone in this process: what changes refs and depends on having read them goes through here. Not reentrant. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /**
   * Fetches a branch as it stands in the person's repository. Gives its commit, kept by a ref of ours; undefined when
   * there is no such branch. Nothing of the person's configuration runs. Shallow and SHA-256 repositories are fine.
   */
  fetch(branch: string): Promise<string | undefined>
  /** Whether a commit is here, fetched from the person's repository if need be; kept by a ref of ours then. */
  obtain(commit: string): Promise<boolean>
  /** Commit of the person's branch as the last `fetch` saw it. */
  seen(branch: string): Promise<string | undefined>
  /** Commit that a full ref name or commit id stands for; undefined when it is not here. */
  commit(rev: string): Promise<string | undefined>
  /** What a pull request from `head` into `base` (commits) would change. @throws OrchError E_CONFLICT without common history */
  compare(base: string, head: string): Promise<Comparison>
  /** The diff of that pull request. */
  diff(base: string, head: string): Promise<string>
  isAncestor(ancestor: string, descendant: string): Promise<boolean>
  /**
   * Moves a ref by compare-and-swap. `from` undefined means that the ref must not exist yet.
   * @throws OrchError E_HEAD_MOVED when it is elsewhere by now
   */
  move(ref: string, to: string, from: string | undefined): Promise<void>
}

export interface BareOptions {
  git: Git
  /** `paths.forge` */
  root: string
}

/** Makes and opens bare repositories below `root`. One process at a time may own `root`. */
export function createBare({ git, root }: BareOptions): Bare {
  const opened = new Map<string, BareRepository>()
  return {
    async open(repo) {
      const source = await sourcePath(repo)
      const id = repositoryId(source)
      const bare = opened.get(id) ?? describe(git, join(root, id), id, source)
      opened.set(id, bare)
      if (!existsSync(bare.path)) await bare.alone(() => makeBare(git, source, bare.path))
      return bare
    },
  }
}

function describe(git: Git, home: string, id: string, source: string): BareRepository {
  const inTurn = createTurns()
  const path = join(home, 'repo.git')
  const own = gitOn(git, path)
  return {
    id,
    path,
    source,
    git: own,
    alone: (work) => inTurn(id, work),
    fetch: (branch) => fetchBranch(own, git.in(source), branch),
    obtain: (commit) => obtainCommit(own, source, commit),
    seen: (branch) => commitOf(own, keptRef(branch)),
    commit: (rev) => commitOf(own, rev),
    compare: (base, head) => compareCommits(own, base, head),
    diff: (base, head) => diffCommits(own, base, head),
    async isAncestor(ancestor, descendant) {
      const result = await own.try(['merge-base', '--is-ancestor', ancestor, descendant])
      if (result.code === 0 || result.code === 1) return result.code === 0
      throw gitError(path, ['merge-base', '--is-ancestor', ancestor, descendant], result)
    },
    async move(ref, to, from) {
      const args = ['update-ref', ref, to, from ?? '']
      const result = await own.try(args)
      if (result.code === 0) return
      if (/cannot lock ref .*(but expected|reference already exists)/.test(result.stderr))
        throw new OrchError('E_HEAD_MOVED', `${ref} is no longer at ${from ?? 'nothing'} in ${path}`)
      throw gitError(path, args, result)
    },
  }
}

/** Where the commit of a person's branch is kept. Hashed, so that the branches `a` and, later, `a/b` never collide. */
const keptRef = (branch: string) => `refs/orch/person/${slugWithHash(branch, branch)}`

async function fetchBranch(git: Git, source: Git, branch: string): Promise<string | undefined> {
  const kept = keptRef(branch)
  // reading a ref runs nothing, and is ten times faster than a fetch that finds nothing new
  const [there, here] = await Promise.all([commitOf(source, `refs/heads/${branch}`), commitOf(git, kept)])
  if (there && there === here) return here
  const args = [...FETCH, pathToFileURL(source.dir).href, `+refs/heads/${branch}:${kept}`]
  const result = await steadily(() => git.try(args, { env: FILE_ONLY, timeoutMs: 600_000 }))
  if (result.code === 0) return commitOf(git, kept)
  if (/couldn't find remote ref/.test(result.stderr)) return undefined
  throw gitError(git.dir, args, result)
}

async function obtainCommit(git: Git, source: string, commit: string): Promise<boolean> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return false
  if (await commitOf(git, commit)) return true
  // the second version of the protocol gives a commit by its id, whatever refs hold it
  const kept = `+${commit}:refs/orch/obtained/${commit}`
  const args = ['-c', 'protocol.version=2', ...FETCH, pathToFileURL(source).href, kept]
  const result = await steadily(() => git.try(args, { env: FILE_ONLY, timeoutMs: 600_000 }))
  return result.code === 0 && (await commitOf(git, commit)) !== undefined
}

async function sourcePath(repo: string): Promise<string> {
  try {
    return await realpath(repo)
  } catch (cause) {
    throw new OrchError('E_NOT_A_REPOSITORY', `${repo} is not there`, { cause })
  }
}
