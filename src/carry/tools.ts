import type { Clock } from '../clock.ts'
import type { Forge } from '../forge/forge.ts'
import type { Git } from '../git.ts'
import type { Log } from '../log.ts'
import type { Exchange, Store } from '../store/store.ts'
import type { TaskSpec } from '../task/task.ts'
import type { Bases } from './base.ts'
import type { Commits } from './commits.ts'
import type { RepositoryNames } from './names.ts'

export interface CarryOptions {
  store: Store
  exchange: Exchange
  /** Name of this one. */
  host: string
  /** `paths.clones` */
  clones: string
  /** `paths.forge`: a host's own bare repositories. */
  forge: string
  git: Git
  clock: Pick<Clock, 'now'>
  log: Log
  /** Runs `work` with the lock of the repository that has this git directory (RepositoryLock). */
  lock: <T>(gitDir: string, work: () => Promise<T>) => Promise<T>
  /** What is to be known of a person's repository. */
  describe(repo: string): Promise<Described>
  /** Bytes of one bundle. */
  most?: number
}

export interface Described {
  url?: string
  author?: { name: string; email: string }
  shallow: boolean
}

/** What the parts that carry work with. */
export interface CarryTools extends CarryOptions {
  names: RepositoryNames
  commits: Commits
  bases: Bases
}

export interface CarryNeeds {
  forges: Readonly<Record<TaskSpec['forge'], Forge>>
  /** `Workspaces.adopt` */
  adopt(repo: string, branch: string, commit: string, options: { saved: boolean }): Promise<void>
}
