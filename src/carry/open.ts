import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { toOrchError } from '../errors.ts'
import type { Git } from '../git.ts'
import type { Store } from '../store/store.ts'
import type { RepositorySource, TaskSpec } from '../task/task.ts'
import { createTurns } from '../turns.ts'
import { createBases } from './base.ts'
import type { Carrying } from './carrying.ts'
import { createClearing } from './clear.ts'
import { readCloneSource } from './clone.ts'
import { type Commits, createCommits } from './commits.ts'
import { createFollower } from './follow-home.ts'
import { bareContains, contains } from './held-commits.ts'
import { answerAtHome, createHome } from './home.ts'
import { localStore } from './local-store.ts'
import { createNames, readName } from './names.ts'
import { createResults } from './results.ts'
import type { CarryNeeds, CarryOptions, CarryTools } from './tools.ts'

export type { CarryOptions, Described } from './tools.ts'

export interface Carry {
  /** The store with paths of this host; it takes no tasks before `carrying` was called. */
  store: Store
  /** For the local forge. */
  commits: Commits
  carrying(needs: CarryNeeds): Carrying
}

/** Repositories and results between hosts that share a store. One process at a time may own `clones`. */
export function openCarry(options: CarryOptions): Carry {
  const { store, exchange, host, git, lock, log, clones } = options
  const names = createNames({ host, clones })
  sweep(clones)
  const now = () => options.clock.now()
  const home = createHome(exchange, host, log)
  const alone = async <T>(repo: string, work: (git: Git) => Promise<T>): Promise<T> => {
    const inside = git.in(repo)
    const gitDir = await inside(['rev-parse', '--path-format=absolute', '--git-common-dir'])
    return await lock(gitDir, () => work(inside))
  }
  const most = options.most === undefined ? {} : { most: options.most }
  const commits = createCommits({ exchange, names, git, scratch: clones, alone, home, now, log, ...most })
  const bases = createBases({ exchange, names, commits, git, now })
  const tools: CarryTools = { ...options, names, commits, bases }
  let open: Carrying | undefined
  const sourceOf = async (spec: TaskSpec) => (open ? await open.sourceOf(spec) : { host, path: spec.repo })
  return {
    store: localStore(store, { names, sourceOf }),
    commits,
    carrying(needs) {
      open = createCarrying(tools, needs, home)
      return open
    },
  }
}

function createCarrying(tools: CarryTools, needs: CarryNeeds, home: ReturnType<typeof createHome>): Carrying {
  const { forges } = needs
  const { commits, bases, host, git, forge } = tools
  const inTurn = createTurns()
  const publish = async (path: string, branch: string): Promise<string> => {
    const commit = await forges.local.base(path, branch)
    await bases.publish(path, branch, commit)
    return commit
  }
  return {
    ...createFollower(tools, forges, home, inTurn),
    ...createClearing(tools, needs, home, inTurn),
    ...createResults(tools, needs),
    pathOf: tools.names.pathOf,
    sourceOf: (spec) => sourceOf(tools, spec, publish),
    answer: (verb, input) =>
      answerAtHome(
        {
          tip: publish,
          commit: async (path, commit, have) => void (await commits.give(path, commit, have, true)),
          holds: async (path, commit) =>
            (await contains(git.in(path), commit)) || (await bareContains(git, forge, path, commit)),
        },
        host,
        { verb, input },
      ),
  }
}

/** What another try does not mend, but the task can begin at home. */
const PASSING = new Set(['E_STORE_DOWN', 'E_STORE', 'E_DISK_FULL'])

async function sourceOf(
  { names, host, describe, log }: CarryTools,
  { repo, base, forge }: TaskSpec,
  publish: (path: string, branch: string) => Promise<string>,
): Promise<RepositorySource> {
  const place = readName(names.nameOf(repo))
  if (place && place.host !== host) return (await readCloneSource(repo)) ?? place
  const { url, author, shallow } = await describe(repo)
  const source = { host, path: repo, ...(author && { author }), ...(forge === 'github' && url && { url }) }
  if (forge === 'github') return source
  if (shallow) return { ...source, bound: `${repo} is a shallow repository` }
  try {
    await publish(repo, base)
    return source
  } catch (thrown) {
    const error = toOrchError(thrown)
    if (PASSING.has(error.code)) throw error
    log.warn('a task can be done at home only', { repo, error })
    return { ...source, bound: error.message }
  }
}

/** What a killed daemon left half made. */
function sweep(clones: string): void {
  for (const name of readdirSync(clones))
    if (name.startsWith('.')) rmSync(join(clones, name), { recursive: true, force: true })
}
