import { z } from 'zod'
import type { Clock } from '../../clock.ts'
import type { Env, Exec } from '../../exec.ts'
import type { Git } from '../../git.ts'
import type { Log } from '../../log.ts'
import type { Bare } from '../bare.ts'
import type { Forge, Merged } from '../forge.ts'
import { readChecks } from './checks.ts'
import { githubAgentEnv } from './credentials.ts'
import { httpFailure } from './failure.ts'
import { createGh, type Gh, inRepository } from './gh.ts'
import { mergePull } from './merge.ts'
import { createOrigin, type Origin, type OriginOptions } from './origin.ts'
import { closePull, findPulls, getPull, listPulls, openPull, read } from './pulls.ts'
import type { GithubRemote } from './remote.ts'

export interface GithubForgeOptions {
  exec: Exec
  /** The person's environment: gh and git take their login, their configuration and the proxies from it. */
  env: Env
  /** git in that environment, in any directory. */
  git: Git
  bare: Bare
  /** `RepositoryLock.hold`: a fetch beside a `worktree add` can make both fail. */
  lock: OriginOptions['lock']
  clock: Pick<Clock, 'now'>
  log: Log
}

/**
 * The forge on GitHub, through `gh`: the repository is the one that `origin` of the person's repository names.
 * Errors beside the port's: E_PROGRAM_MISSING without gh, E_NO_BASE, E_STATE for a closed pull request that is to be
 * merged. An E_FORGE has `details.retryable`, and `details.resetAt` when a rate limit ends it.
 */
export function createGithubForge(options: GithubForgeOptions): Forge {
  const gh = createGh({ ...options, now: () => options.clock.now() })
  const origin = createOrigin(options)
  const canonical = rememberNames(gh, origin)
  return {
    name: 'github',
    agentEnv: async (repo) => githubAgentEnv((await origin.remote(repo)).host, options.env),
    base: origin.base,
    head: origin.head,
    push: origin.push,
    fetch: async (repo, branch) => (await options.bare.open(repo)).fetch(branch),
    compare: async (repo, base, head) => (await origin.having(repo, [base, head])).compare(base, head),
    find: async (repo, branch) => findPulls(gh, await canonical(repo), branch),
    open: async (repo, request) => openPull(gh, await canonical(repo), request),
    get: async (repo, number) => getPull(gh, await canonical(repo), number),
    list: async (repo, filter = {}) => listPulls(gh, await canonical(repo), filter.state),
    diff: async (repo, number) => diff(gh, origin, repo, await canonical(repo), number),
    checks: async (repo, number) => readChecks(gh, await canonical(repo), number),
    close: async (repo, number) => closePull(gh, await canonical(repo), number),
    keep: origin.keep,
    obtain: origin.obtain,
    letGo: origin.letGo,
    async merge(repo, number, how) {
      const { pullRequest, commit } = await mergePull(gh, await canonical(repo), number, how)
      return { commit, repository: await follow(origin, options.log, repo, pullRequest.base) }
    },
  }
}

/**
 * The repository as GitHub calls it today: `origin` may still have the name from before a renaming, and a search by
 * head branch under an old owner finds nothing. Asked once for each address.
 */
function rememberNames(gh: Gh, origin: Origin): (repo: string) => Promise<GithubRemote> {
  const known = new Map<string, GithubRemote>()
  return async (repo) => {
    const remote = await origin.remote(repo)
    const address = `${remote.host}/${remote.owner}/${remote.name}`
    const name = known.get(address) ?? (await currentName(gh, remote))
    known.set(address, name)
    return name
  }
}

async function currentName(gh: Gh, remote: GithubRemote): Promise<GithubRemote> {
  const what = `repository ${remote.owner}/${remote.name}`
  const answer = await gh.rest(remote.host, { path: inRepository(remote), what })
  const { name, owner } = read(
    z.object({ name: z.string(), owner: z.object({ login: z.string() }) }),
    answer.body,
  )
  return { host: remote.host, owner: owner.login, name }
}

/** GitHub shows no diff of more than 20,000 lines (406): then git compares the commits here. */
async function diff(gh: Gh, origin: Origin, repo: string, remote: GithubRemote, number: number) {
  const what = `pull request #${number}`
  const path = inRepository(remote, 'pulls', number)
  const answer = await gh.ask(remote.host, { path, accept: 'application/vnd.github.diff', what })
  if (answer.status === 200) return answer.body
  if (answer.status !== 406) throw httpFailure(answer, what, gh.now())
  const { base, headCommit } = await getPull(gh, remote, number)
  const baseCommit = await origin.base(repo, base)
  return (await origin.having(repo, [baseCommit, headCommit])).diff(baseCommit, headCommit)
}

/** After a merge on GitHub the person's own branch is theirs to pull; only the remote-tracking branch follows. */
async function follow(origin: Origin, log: Log, repo: string, base: string): Promise<Merged['repository']> {
  try {
    await origin.base(repo, base)
    return { updated: false, message: `merged on GitHub; git pull brings it to your ${base}` }
  } catch (error) {
    log.warn('merged, but the base branch could not be fetched', { error })
    return { updated: false, message: `merged on GitHub; git fetch origin shows it here` }
  }
}
