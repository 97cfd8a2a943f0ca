import { lstat, mkdir, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../clock.ts'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import type { Git } from '../git.ts'
import { repositoryId } from '../git-repository-id.ts'
import { type Ids, SAFE_NAME } from '../id.ts'
import type { Log } from '../log.ts'
import { branchName } from '../task/task.ts'
import { createTurns } from '../turns.ts'
import { createAdopter } from './adopt.ts'
import { agentIgnores } from './agent-ignores.ts'
import { createBranches } from './branches.ts'
import { checkOut } from './check-out.ts'
import { commitOf, gitAt } from './git-at.ts'
import { createHistory } from './history.ts'
import { createMerger } from './merge.ts'
import { readRecord, removeRecords, writeRecord } from './record.ts'
import { locateRepository, type Repository } from './repository.ts'
import type { RepositoryLock } from './repository-lock.ts'
import { createSaver } from './save.ts'
import { createTrash } from './trash.ts'
import type { Workspace, WorkspaceOrder, Workspaces } from './workspace.ts'
import { addWorktree } from './worktree-add.ts'
import { findAdmin, headRef, removeAdmin } from './worktree-admin.ts'

export interface WorktreeOptions {
  git: Git
  /** `paths.worktrees`: checkouts are at `<root>/<repository id>/<name>`. */
  root: string
  /** `paths.trash`, on the same file system. */
  trash: string
  clock: Clock
  ids: Ids
  log: Log
  /** Shared with whoever else runs git in the person's repository. */
  lock: RepositoryLock
  /** Environment that agents get; only `XDG_CONFIG_HOME` is looked at. */
  env?: Env
}

/** Workspaces as linked worktrees of the person's repository: they share its objects and refs, and nothing is copied. */
export function createWorktrees(options: WorktreeOptions): Workspaces {
  const { git, root, clock, ids, log, lock } = options
  const trash = createTrash(options.trash, ids)
  const locate = createLocator(git)
  const inTurn = createTurns()
  const saver = createSaver({ git, locate, ids, env: options.env, inTurn })
  const merger = createMerger({ git, locate, inTurn })
  const branches = createBranches({ git, locate, lock, log })
  const adopter = createAdopter({ git, locate, lock, log })
  const history = createHistory({ git, locate, env: options.env })
  const pathOf = (id: string, name: string) => join(root, id, checkName(name))

  async function discard(repository: Repository, path: string): Promise<void> {
    await trash.discard(path)
    await removeRecords(path)
    await removeAdmin(repository.gitDir, path, ids.token().slice(0, 12))
  }

  async function prepare(order: WorkspaceOrder) {
    checkOrder(order)
    const repository = await locate(order.repo)
    const path = pathOf(repository.id, order.name)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const isNew = await lock.hold(repository.gitDir, async () => {
      await discard(repository, path)
      return await addWorktree(gitAt(git, repository.gitDir), { ...order, path }, clock)
    })
    try {
      await checkOut(git, repository.gitDir, path)
      await writeRecord(path, { branch: order.branch })
    } catch (error) {
      await lock.hold(repository.gitDir, () => discard(repository, path))
      throw error
    }
    return { repo: repository.root, path, branch: order.branch, name: order.name, isNew }
  }

  return {
    async prepare(order) {
      try {
        return await prepare(order)
      } catch (error) {
        if (!isIndexTaken(error)) throw error
        log.warn('a checkout met that of a daemon that was killed; it is made again', { error })
        return await prepare(order)
      }
    },

    at: (repo, name, branch) => ({ repo, name, branch, path: pathOf(repositoryId(repo), name) }),

    async head(workspace) {
      const { gitDir } = await locate(workspace.repo)
      return commitOf(gitAt(git, gitDir), `refs/heads/${workspace.branch}`)
    },

    ...saver,
    ...merger,
    ...branches,
    ...adopter,
    ...history,

    async agentEnv(workspace) {
      const { gitDir } = await locate(workspace.repo)
      return agentIgnores(gitAt(git, gitDir), workspace.path, options.env)
    },

    async remove(workspace) {
      const repository = await locate(workspace.repo).catch(() => undefined)
      if (repository) await lock.hold(repository.gitDir, () => discard(repository, workspace.path))
      else await trash.discard(workspace.path)
    },

    exists: (workspace) => isDirectory(workspace.path),

    async list(repo) {
      const repository = await locate(repo)
      const names = await readdir(join(root, repository.id)).catch(() => [])
      const found = names
        .filter((name) => SAFE_NAME.test(name))
        .map((name) => describe(repository, name, pathOf(repository.id, name)))
      return (await Promise.all(found)).filter((workspace) => workspace !== undefined)
    },

    sweep: () => trash.sweep(),
  }
}

/**
 * A git that a killed daemon has left behind works on for a moment, and names its index as ours is named: one of the two
 * takes the other's. It is through with it by then.
 */
const isIndexTaken = (error: unknown): boolean =>
  error instanceof OrchError && error.code === 'E_GIT' && /index file|index\.lock/.test(error.message)

/** Where a repository is does not change while its git directory is there: asked once, not at every verb. */
function createLocator(git: Git): (repo: string) => Promise<Repository> {
  const known = new Map<string, Repository>()
  return async (repo) => {
    const before = known.get(repo)
    if (before && (await isDirectory(before.gitDir))) return before
    const repository = await locateRepository(git, repo)
    known.set(repo, repository)
    return repository
  }
}

async function describe(repository: Repository, name: string, path: string): Promise<Workspace | undefined> {
  if (!(await isDirectory(path))) return undefined
  const admin = await findAdmin(repository.gitDir, path)
  const checkedOut = admin && (await headRef(admin))?.replace('refs/heads/', '')
  const branch = (await readRecord(path))?.branch ?? checkedOut ?? ''
  return { repo: repository.root, path, branch, name }
}

async function isDirectory(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isDirectory() ?? false
}

function checkName(name: string): string {
  if (SAFE_NAME.test(name)) return name
  throw new OrchError('E_INVALID', `not a safe name of a workspace: ${JSON.stringify(name)}`)
}

function checkOrder({ branch, from }: WorkspaceOrder): void {
  if (!branchName.safeParse(branch).success)
    throw new OrchError('E_INVALID', `not a branch name that git takes: ${JSON.stringify(branch)}`)
  if (from.startsWith('-')) throw new OrchError('E_INVALID', `not a commit: ${JSON.stringify(from)}`)
}
