import type { Attempt, RepositorySource, Task, TaskSpec } from '../task/task.ts'

/** Whose commit it is. `start`: other tasks begin at it; it does not take the place of the newest of the attempt. */
export interface Work {
  task: Task
  epoch: number
  start?: boolean
}

export interface ClearOrder {
  /** Only say what would be removed. */
  dryRun: boolean
  /** Work trees that a dry run takes as removed. */
  gone: ReadonlySet<string>
}

export interface Cleared {
  removed: string[]
  kept: { what: string; why: string }[]
}

/**
 * Repositories and results between hosts that share a store (decision 020). Absent where a store belongs to one host. Paths are
 * those of this host throughout.
 */
export interface Carrying {
  /**
   * The repository of a task is on this host, with its base as it is at home, and the commit that the task starts from.
   * @throws OrchError E_REPOSITORY_AWAY (this host passes over its tasks for a while), E_STORE_DOWN, E_DISK_FULL
   */
  ready(task: Task): Promise<void>
  /**
   * What is thrown for a fault that comes of files that only the home of the repository has (they are not tracked): as `ready`
   * throws, with the same consequence. At home it is the fault itself.
   */
  lacks(task: Task, fault: unknown): unknown
  /**
   * Puts the branch of a task at the newest commit that earlier attempts have given. To be called when nobody works in its
   * checkout here. Gives the commits that were newer and cannot be had. @throws OrchError E_STORE_DOWN, E_GIT
   */
  bring(task: Task, earlier: readonly Attempt[]): Promise<string[]>
  /**
   * Puts a commit of a task's attempt where other hosts get it. `known`: commits that they can get anyway.
   * @throws OrchError E_TOO_LARGE, E_STORE_DOWN, E_GIT, E_DISK_FULL
   */
  give(work: Work, commit: string, known: readonly string[]): Promise<void>
  /** Whether the repository of the task has a commit now, wherever it came from. @throws OrchError E_STORE_DOWN */
  take(task: Task, commit: string): Promise<boolean>
  /** What was kept of a task at a remote is needed no longer. */
  letGo(task: Task): Promise<void>
  /**
   * Removes what ended tasks have left between hosts: clones of other hosts' repositories with their bare repositories, and refs
   * that keep commits which came from elsewhere. Never what a task needs, nor work that is nowhere else: that is kept, with the
   * reason. @throws OrchError E_STORE_DOWN
   */
  clear(order: ClearOrder): Promise<Cleared>
  /** Repositories that cannot be had here right now: their tasks are for other hosts. */
  away(): string[]
  /** What other hosts have to know of the repository of a new task, after everything that they need was put in the store. */
  sourceOf(spec: TaskSpec): Promise<RepositorySource>
  /** Where the repository of a name (`HOST:/path`) is on this host, whether it is there or not. */
  pathOf(name: string): string
  /** What other hosts ask (`repository.tip`, `repository.commit`, `repository.holds`). @throws OrchError E_NOT_FOUND, E_INVALID */
  answer(verb: string, input: unknown): Promise<unknown>
}
