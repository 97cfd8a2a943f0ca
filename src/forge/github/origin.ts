import { pathToFileURL } from 'node:url'
import { OrchError } from '../../errors.ts'
import { type Git, gitError } from '../../git.ts'
import { slugWithHash } from '../../git-repository-id.ts'
import type { Bare, BareRepository } from '../bare.ts'
import { FETCH, FILE_ONLY, steadily } from '../bare-git.ts'
import type { Publisher } from '../forge.ts'
import { gitFailure } from './failure.ts'
import { keepCommit, letGo, obtainKept } from './kept.ts'
import { attempt, type Place, TEN_MINUTES } from './network.ts'
import { type GithubRemote, parseRemote } from './remote.ts'

/**
 * Commits between the person's repository and its `origin`. All that talks to the network runs in the bare repository
 * that the daemon owns, with the person's global git configuration and login; of the person's repository only the
 * address of `origin` is read, because what agents can write there (hooks, core.sshCommand, filters) must not run.
 */
export interface Origin {
  /** @throws OrchError E_NOT_FOUND without an origin, E_INVALID when it is none of a GitHub's */
  remote(repo: string): Promise<GithubRemote>
  head(repo: string, branch: string): Promise<string | undefined>
  push(repo: string, branch: string, by?: Pick<Publisher, 'check'>): Promise<string>
  /** Brings a branch of origin to `refs/remotes/origin/BRANCH` of the person's repository and gives its commit. */
  base(repo: string, branch: string): Promise<string>
  /** The bare repository with these commits in it, wherever they are to be had. */
  having(repo: string, commits: string[]): Promise<BareRepository>
  /** As the forge port says. */
  keep(repo: string, name: string, commit: string): Promise<void>
  obtain(repo: string, commit: string): Promise<boolean>
  letGo(repo: string, prefix: string): Promise<void>
}

export interface OriginOptions {
  git: Git
  bare: Bare
  /** Runs `work` while no worktree is added or pruned in the repository with this git directory (see RepositoryLock). */
  lock: <T>(gitDir: string, work: () => Promise<T>) => Promise<T>
}

export function createOrigin({ git, bare, lock }: OriginOptions): Origin {
  const address = (repo: string) => addressOf(git.in(repo))
  const open = async (repo: string): Promise<Place> => {
    const { url, remote } = await address(repo)
    return { bare: await bare.open(repo), url, remote }
  }
  return {
    remote: async (repo) => (await address(repo)).remote,
    head: async (repo, branch) => remoteHead(await open(repo), branch),
    async push(repo, branch, by) {
      const place = await open(repo)
      const commit = await place.bare.fetch(branch)
      if (!commit) throw new OrchError('E_NOT_FOUND', `${repo} has no branch ${branch}`)
      await by?.check()
      await pushCommit(place, branch, commit)
      return commit
    },
    async base(repo, branch) {
      const place = await open(repo)
      const commit = await fetchRemote(place, `refs/heads/${branch}`)
      if (!commit) throw noBase(place, branch)
      await bringHome(place.bare, git.in(repo), `refs/remotes/origin/${branch}`, commit, lock)
      return commit
    },
    async having(repo, commits) {
      const place = await open(repo)
      for (const commit of commits) await obtain(place, commit)
      return place.bare
    },
    async keep(repo, name, commit) {
      const place = await open(repo)
      if (!(await place.bare.obtain(commit)))
        throw new OrchError('E_NOT_FOUND', `there is no commit ${commit} in ${repo}`)
      await keepCommit(place, name, commit)
    },
    async obtain(repo, commit) {
      const place = await open(repo)
      if (!(await obtainKept(place, commit))) return false
      await bringHome(place.bare, git.in(repo), `refs/orch/carried/${commit}`, commit, lock)
      return true
    },
    letGo: async (repo, prefix) => letGo(await open(repo), prefix),
  }
}

async function addressOf(git: Git): Promise<{ url: string; remote: GithubRemote }> {
  const found = await git.try(['remote', 'get-url', 'origin'])
  const url = found.stdout.trim()
  if (found.code !== 0 || !url)
    throw new OrchError('E_NOT_FOUND', `${git.dir} has no remote called origin`, {
      fix: 'git remote add origin URL, or keep pull requests on this machine: --forge local',
    })
  const remote = parseRemote(url)
  if (remote) return { url, remote }
  throw new OrchError('E_INVALID', `origin of ${git.dir} is not a repository on a GitHub: ${url}`, {
    fix: 'Point origin at GitHub, or keep pull requests on this machine: --forge local',
  })
}

async function remoteHead(place: Place, branch: string): Promise<string | undefined> {
  const ref = `refs/heads/${branch}`
  const args = ['ls-remote', '--', place.url, ref]
  const result = await attempt(place, args)
  if (result.code !== 0) throw gitFailure(place.bare.path, args, result)
  // a pattern also matches the end of a longer ref
  const line = result.stdout.split('\n').find((it) => it.endsWith(`\t${ref}`))
  return line?.split('\t')[0]
}

async function pushCommit(place: Place, branch: string, commit: string): Promise<void> {
  const args = ['push', '--porcelain', '--no-verify', '--', place.url, `${commit}:refs/heads/${branch}`]
  const result = await attempt(place, args)
  if (result.code === 0) return
  // two pushes at once: git refuses the slower one even when both bring the same commit
  if (/\[(?:remote )?rejected\]/.test(result.stdout) && (await remoteHead(place, branch)) === commit) return
  if (/\[rejected\]|cannot lock ref|failed to update ref/.test(result.stdout))
    throw new OrchError('E_HEAD_MOVED', `${branch} on GitHub has commits that the branch here has not`)
  throw gitFailure(place.bare.path, args, result)
}

/** Fetches a ref of origin into the bare repository; undefined when there is no such ref. */
async function fetchRemote(place: Place, ref: string): Promise<string | undefined> {
  const kept = `refs/orch/origin/${slugWithHash(ref, ref)}`
  const how = [
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--no-recurse-submodules',
    '--no-auto-maintenance',
  ]
  const args = ['fetch', ...how, '--', place.url, `+${ref}:${kept}`]
  const result = await attempt(place, args)
  if (result.code === 0) return place.bare.commit(kept)
  if (/couldn't find remote ref/.test(result.stderr)) return undefined
  throw gitFailure(place.bare.path, args, result)
}

/** Moves a ref in the person's repository (a remote-tracking branch, say), with its commits, from the bare one. */
async function bringHome(
  bare: BareRepository,
  git: Git,
  tracking: string,
  commit: string,
  lock: OriginOptions['lock'],
): Promise<void> {
  const now = await git.try(['rev-parse', '--verify', '--quiet', tracking])
  if (now.stdout.trim() === commit) return
  // the second version of the protocol gives a commit by its id, although our refs are hidden
  const args = ['-c', 'protocol.version=2', ...FETCH, pathToFileURL(bare.path).href, `+${commit}:${tracking}`]
  const gitDir = await git(['rev-parse', '--path-format=absolute', '--git-common-dir'])
  await lock(gitDir, async () => {
    const result = await steadily(() => git.try(args, { env: FILE_ONLY, timeoutMs: TEN_MINUTES }))
    if (result.code !== 0) throw gitError(git.dir, args, result)
  })
}

async function obtain(place: Place, commit: string): Promise<void> {
  const { bare } = place
  if (await bare.commit(commit)) return
  const here = ['-c', 'protocol.version=2', ...FETCH, pathToFileURL(bare.source).href, commit]
  await steadily(() => bare.git.try(here, { env: FILE_ONLY, timeoutMs: TEN_MINUTES }))
  if (await bare.commit(commit)) return
  const there = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--', place.url, commit]
  const result = await attempt(place, there)
  if (result.code !== 0) throw gitFailure(bare.path, there, result)
}

function noBase({ remote }: Place, branch: string): OrchError {
  return new OrchError(
    'E_NO_BASE',
    `${remote.owner}/${remote.name} on ${remote.host} has no branch ${branch}`,
    {
      fix: 'Push the branch (git push origin BRANCH), or say which one to start from: --base BRANCH.',
    },
  )
}
