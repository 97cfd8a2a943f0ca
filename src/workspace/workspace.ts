import type { Env } from '../exec.ts'

/**
 * The workspace port: an agent's checkout and branch. `worktree` is the adapter.
 *
 * Verbs may be called again after a crash. Nothing here touches the person's own work tree, index or branches.
 * Errors: E_WORKSPACE, E_GIT, E_DISK_FULL, E_INVALID, E_TIMEOUT (the repository's lock), E_NOT_A_REPOSITORY.
 */
export interface Workspaces {
  /**
   * Makes the workspace of a task: a checkout at a path that is the same for all attempts of the task, with `branch`
   * checked out. A branch that exists is continued, else it starts at `from`. What an earlier attempt left at the path
   * is renamed away first (so that a straggler cannot write into the new one) and deleted later. `isNew` tells that the
   * branch was made just now, at `from`.
   */
  prepare(order: WorkspaceOrder): Promise<Workspace & { isNew: boolean }>
  /** The workspace of that name, whether it is there or not. `repo` is the root that openRepository() gave. */
  at(repo: string, name: string, branch: string): Workspace
  /** Commit of the task's branch in the repository; undefined when there is no such branch. */
  head(workspace: Workspace): Promise<string | undefined>
  /**
   * Takes apart the commit `saved` when it is the tip of the branch and save() made it: its changes are uncommitted again
   * in the prepared workspace, and the commit stays under refs/orch/saved/. Gives the commit of the branch then.
   */
  reopen(workspace: Workspace, saved: string | undefined): Promise<string>
  /** Variables for the agent, so that its git leaves alone what set-up steps brought. To be asked after them. */
  agentEnv(workspace: Workspace): Promise<Env>
  /**
   * Commits what is uncommitted in the workspace (never running hooks), and gives the commit of the branch then. The
   * agent's processes must have ended. Work that is not on the branch (HEAD detached, another branch checked out, a
   * rebase under way) moves the branch when that is a step forward made in this workspace; else a ref keeps it.
   */
  save(workspace: Workspace, message: string): Promise<Saved>
  /** Keeps what is uncommitted as a commit under refs/orch/saved/ without moving the branch; undefined when all is committed. */
  setAside(workspace: Workspace, message: string): Promise<string | undefined>
  /**
   * Whether the task's branch is what is checked out, and paths with something uncommitted (what set-up steps brought and
   * what git ignores is not counted). The agent may go on meanwhile.
   */
  standing(workspace: Workspace): Promise<{ onBranch: boolean; uncommitted: string[] }>
  /** Commits that `head` has and `from` has not, the newest first, at most `limit`; and all files that differ. */
  changes(
    repo: string,
    from: string,
    head: string,
    limit: number,
  ): Promise<{ commits: { id: string; subject: string }[]; files: string[] }>
  /** Those of `paths` (in the repository) that the commit has, or that were there before it. */
  known(repo: string, commit: string, paths: readonly string[]): Promise<string[]>
  /** The commit that is named by the beginning of its id; undefined when there is none. */
  commit(repo: string, id: string): Promise<{ id: string; subject: string } | undefined>
  /**
   * Brings a commit into the branch by a merge commit with the person's identity, never running hooks; files and index of
   * the workspace follow, and what is uncommitted stays uncommitted. All or nothing: with conflicts, or when something
   * stands in the way, everything stays as it was. To be asked while the agent does nothing. Contained already is merged.
   */
  merge(workspace: Workspace, commit: string, message: string): Promise<Merging>
  /** Whether `commit` is `head` or one of its ancestors; false when the repository has one of them not. */
  contains(repo: string, commit: string, head: string): Promise<boolean>
  /**
   * Puts the branch at a commit that came from another host, while nobody has it checked out to work on: a branch that is
   * behind follows, one that holds it stays, one with other commits is kept under refs/orch/saved/ and replaced. `saved`:
   * save() made the commit there, so that `reopen` takes it apart here too. The repository must have the commit.
   */
  adopt(repo: string, branch: string, commit: string, options: { saved: boolean }): Promise<void>
  /** Removes the checkout at once (renamed away, deleted later). The branch stays. Gone already is no error. */
  remove(workspace: Workspace): Promise<void>
  exists(workspace: Workspace): Promise<boolean>
  /** `merged`: the base has everything of it (also when it has no commit of its own). */
  branchState(repo: string, branch: string, base: string): Promise<'gone' | 'merged' | 'unmerged'>
  /** Deletes the branch of a task when it is merged; an unmerged one stays. */
  dropBranch(repo: string, branch: string, base: string): Promise<void>
  /** Every workspace of the repository that is there now. */
  list(repo: string): Promise<Workspace[]>
  /** Deletes what `prepare` and `remove` renamed away. Gives the number of directories. @throws OrchError E_WORKSPACE */
  sweep(): Promise<number>
}

export interface WorkspaceOrder {
  repo: string
  /** Safe name of the task (its id): the last part of the path. */
  name: string
  branch: string
  /** Commit that a new branch starts from. */
  from: string
}

export interface Workspace {
  repo: string
  path: string
  branch: string
  name: string
}

export interface Saved {
  /** Commit of the branch after saving; undefined when the branch is gone. */
  head: string | undefined
  /** True when something uncommitted was there and is committed now. */
  committed: boolean
  /** In words for a person: what was not saved on the branch, or what was odd; for instance that the checkout was gone. */
  lost?: string
  /** Work that does not follow on the branch: nothing moved there, and this ref keeps it. */
  elsewhere?: { ref: string; commit: string }
}

/** `merged`: the commit of the branch then. `conflicts`: the files that both sides changed. `blocked`: why, for the agent. */
export type Merging = { merged: string } | { conflicts: string[] } | { blocked: string }
