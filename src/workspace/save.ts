import { rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import type { Git } from '../git.ts'
import type { Ids } from '../id.ts'
import type { Turns } from '../turns.ts'
import { commitSnapshot } from './commit-snapshot.ts'
import { type Desk, openDesk } from './desk.ts'
import { commitOf, gitAt, isAncestor, listed } from './git-at.ts'
import { madeHere } from './made-here.ts'
import type { Repository } from './repository.ts'
import { savedRef } from './saved-ref.ts'
import { type Snapshot, takeSnapshot } from './snapshot.ts'
import type { Saved, Workspace, Workspaces } from './workspace.ts'
import { findAdmin } from './worktree-admin.ts'

export interface SaverOptions {
  git: Git
  locate(repo: string): Promise<Repository>
  ids: Ids
  /** Environment of the person, for their own ignore file. */
  env?: Env | undefined
  /** Two who work on one checkout at the same moment take turns: a second save finds it saved. */
  inTurn: Turns
}

type Using = <T>(desk: Desk, use: (snapshot: Snapshot) => Promise<T>) => Promise<T>

/** Keeps what an agent left in its checkout, whatever state that is in. */
export function createSaver(options: SaverOptions): Pick<Workspaces, 'save' | 'setAside' | 'reopen'> {
  const saver = createSaverAtOnce(options)
  const { inTurn } = options
  return {
    save: (workspace, message) => inTurn(workspace.path, () => saver.save(workspace, message)),
    setAside: (workspace, message) => inTurn(workspace.path, () => saver.setAside(workspace, message)),
    reopen: (workspace, saved) => inTurn(workspace.path, () => saver.reopen(workspace, saved)),
  }
}

function createSaverAtOnce(options: SaverOptions): Pick<Workspaces, 'save' | 'setAside' | 'reopen'> {
  const { git, locate, ids } = options
  const withSnapshot: Using = async (desk, use) => {
    const snapshot = await takeSnapshot(desk, ids.token().slice(0, 12), options.env)
    return use(snapshot).finally(() => rm(snapshot.index, { force: true }))
  }
  return {
    async save(workspace, message) {
      const repository = await locate(workspace.repo)
      const desk = await openDesk(git, repository, workspace)
      if (typeof desk !== 'string') return saveDesk(desk, message, withSnapshot)
      const head = await commitOf(gitAt(git, repository.gitDir), `refs/heads/${workspace.branch}`)
      return { head, committed: false, lost: desk }
    },

    async setAside(workspace, message) {
      const desk = await openDesk(git, await locate(workspace.repo), workspace)
      if (typeof desk === 'string') return undefined
      return withSnapshot(desk, async (snapshot) => {
        const commit = await commitSnapshot(desk, snapshot.tree, message)
        if (commit) await desk.git(['update-ref', savedRef(desk.branch, commit), commit])
        return commit
      })
    },

    async reopen(workspace, saved) {
      const { gitDir } = await locate(workspace.repo)
      const admin = await findAdmin(gitDir, workspace.path)
      if (!admin) throw new OrchError('E_WORKSPACE', `${workspace.path} is no worktree`)
      const inside = gitAt(git, admin, workspace.path)
      return reopen(inside, workspace, await inside(['rev-parse', 'HEAD']), saved)
    },
  }
}

async function saveDesk(desk: Desk, message: string, withSnapshot: Using): Promise<Saved> {
  return withSnapshot(desk, async (snapshot) => {
    const commit = await commitSnapshot(desk, snapshot.tree, message)
    if (snapshot.leftOut.length > 0) desk.notes.push(`left out: ${snapshot.leftOut.slice(0, 10).join(', ')}`)
    const placed = await place(desk, commit)
    if (placed.head === (commit ?? desk.head)) await settle(desk, snapshot)
    return { ...placed, ...(desk.notes.length > 0 && { lost: desk.notes.join('; ') }) }
  })
}

/** Puts the branch where the work is, when that is a step forward for it; else the work is kept by a ref beside it. */
async function place(desk: Desk, commit: string | undefined): Promise<Saved> {
  const { git, branch, tip } = desk
  const work = commit ?? desk.head
  if (!work || work === tip) return { head: tip, committed: false }
  if (!commit && tip && (await isAncestor(git, work, tip))) return { head: tip, committed: false }
  if (tip && (desk.onBranch || (await mayMove(desk, tip)))) {
    await moveBranch(desk, tip, work, commit !== undefined)
    return { head: work, committed: commit !== undefined }
  }
  const ref = savedRef(branch, work)
  await git(['update-ref', ref, work])
  desk.notes.push(
    `${tip ? `branch ${branch} was left as it is` : `branch ${branch} is gone`}; the work is ${ref}`,
  )
  return { head: tip, committed: false, elsewhere: { ref, commit: work } }
}

/** The agent went on without its branch: what it committed here belongs to the branch; what it only visited does not. */
async function mayMove(desk: Desk, tip: string): Promise<boolean> {
  const { git, head, admin, branch } = desk
  if (!head || !admin || !(await isAncestor(git, tip, head))) return false
  const places = await listed(git, ['worktree', 'list', '--porcelain', '-z'])
  return !places.includes(`branch refs/heads/${branch}`) && (await madeHere(git, admin, tip, head))
}

async function moveBranch(desk: Desk, tip: string, to: string, made: boolean): Promise<void> {
  const keep = made ? `create ${savedRef(desk.branch, to)} ${to}\n` : ''
  await desk.git(['update-ref', '-m', 'orch: save', '--stdin'], {
    input: `${keep}update refs/heads/${desk.branch} ${to} ${tip}\n`,
  })
  if (!desk.onBranch) {
    await desk.git(['symbolic-ref', '-m', 'orch: save', 'HEAD', `refs/heads/${desk.branch}`])
    desk.notes.push(`branch ${desk.branch} was moved to the work`)
  }
}

const UNFINISHED = ['index.lock', 'MERGE_HEAD', 'MERGE_MSG', 'MERGE_MODE', 'CHERRY_PICK_HEAD', 'REVERT_HEAD']

/** Leaves the checkout as after a commit. Whoever held `index.lock` is dead: agents are stopped before their work is saved. */
async function settle(desk: Desk, snapshot: Snapshot): Promise<void> {
  const { admin } = desk
  if (!admin) return
  await rename(snapshot.index, join(admin, 'index'))
  await Promise.all(UNFINISHED.map((name) => rm(join(admin, name), { force: true })))
}

async function reopen(
  git: Git,
  { branch }: Workspace,
  tip: string,
  saved: string | undefined,
): Promise<string> {
  if (!saved || (await commitOf(git, savedRef(branch, saved))) !== saved) return tip
  const [parent, ...others] = (await git(['rev-list', '--parents', '--max-count=1', saved]))
    .split(' ')
    .slice(1)
  if (!parent || others.length > 0) return tip
  if (tip === parent) await git(['reset', '--hard', '--quiet', '--no-recurse-submodules', saved])
  else if (tip !== saved) return tip
  await git(['reset', '--mixed', '--quiet', parent])
  return parent
}
