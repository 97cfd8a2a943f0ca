import { existsSync } from 'node:fs'
import { OrchError, toOrchError } from '../errors.ts'
import type { RepositorySource, Task, TaskSpec } from '../task/task.ts'
import type { Turns } from '../turns.ts'
import { isCommitId } from './bundle.ts'
import type { Carrying } from './carrying.ts'
import { followSettings, makeClone } from './clone.ts'
import type { Home } from './home.ts'
import { makeName } from './names.ts'
import { takeFrom } from './results.ts'
import type { CarryNeeds, CarryTools } from './tools.ts'

/** How long a host passes over the tasks of a repository that it could not get, in ms. */
const LEAVE_ALONE_MS = 5 * 60_000

/** Neither the repository's nor its home's fault. */
const OURS = new Set(['E_STORE_DOWN', 'E_STORE', 'E_DISK_FULL', 'E_STALE'])

/** Repositories of other hosts on this one. */
export function createFollower(
  tools: CarryTools,
  forges: CarryNeeds['forges'],
  home: Home,
  inTurn: Turns,
): Pick<Carrying, 'ready' | 'lacks' | 'away'> {
  const { git, host, names, commits, bases, clock } = tools
  const leftAlone = new Map<string, number>()

  const fromRemote = async ({ repo, base }: TaskSpec, source: RepositorySource): Promise<string> => {
    await makeClone(git, repo, source, false)
    return await forges.github.base(repo, base)
  }
  const fromStore = async ({ repo, base }: TaskSpec, source: RepositorySource): Promise<string> => {
    const asked = await home.tip(names.nameOf(repo), base)
    const commit = asked ?? (await bases.published(repo, base)) ?? (await lastSeen(repo, base))
    if (!commit)
      throw new OrchError('E_NOT_FOUND', `${source.host} does not answer, and the store has no copy`)
    await makeClone(git, repo, source, commit.length === 64)
    if (!(await commits.take(repo, commit)))
      throw new OrchError('E_NOT_FOUND', `the commits of ${base} (${commit.slice(0, 12)}) are not to be had`)
    await git.in(repo)(['update-ref', `refs/heads/${base}`, commit])
    return commit
  }
  /** What the clone has of an earlier time. */
  const lastSeen = async (repo: string, base: string): Promise<string | undefined> => {
    if (!existsSync(repo)) return undefined
    const found = await git.in(repo).try(['rev-parse', '--verify', '--quiet', `refs/heads/${base}`])
    const commit = found.stdout.trim()
    return isCommitId(commit) ? commit : undefined
  }
  const follow = async (spec: TaskSpec, source: RepositorySource) => {
    const commit = await (spec.forge === 'github' ? fromRemote : fromStore)(spec, source)
    await followSettings(git, spec.repo, commit)
  }
  const begin = async (task: Task) => {
    const { spec } = task
    if (spec.source && spec.source.host !== host) await follow(spec, spec.source)
    if (spec.from && !(await takeFrom(tools, forges, task, spec.from)))
      throw new OrchError('E_NOT_FOUND', `the commit that it starts from (${spec.from}) is not to be had`)
  }
  const nameOf = ({ repo, source }: TaskSpec) => (source ? makeName(source.host, source.path) : repo)

  const refuse = (spec: TaskSpec, thrown: unknown): OrchError => {
    const error = toOrchError(thrown)
    if (OURS.has(error.code) || error.details?.breaker !== undefined) return error
    leftAlone.set(spec.repo, clock.now() + LEAVE_ALONE_MS)
    const what = `${nameOf(spec)} cannot be had on ${host}: ${error.message}`
    return new OrchError('E_REPOSITORY_AWAY', what, { cause: error })
  }

  return {
    ready: (task) =>
      inTurn(task.spec.repo, () =>
        begin(task).catch((error) => {
          throw refuse(task.spec, error)
        }),
      ),
    lacks({ spec }, fault) {
      const elsewhere = spec.source !== undefined && spec.source.host !== host
      return elsewhere && toOrchError(fault).code === 'E_SETUP' ? refuse(spec, fault) : fault
    },
    away() {
      const now = clock.now()
      for (const [repo, until] of leftAlone) if (until <= now) leftAlone.delete(repo)
      return [...leftAlone.keys()]
    },
  }
}
