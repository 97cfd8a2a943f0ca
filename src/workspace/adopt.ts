import type { Git } from '../git.ts'
import type { Log } from '../log.ts'
import { commitOf, gitAt, isAncestor } from './git-at.ts'
import type { Repository } from './repository.ts'
import type { RepositoryLock } from './repository-lock.ts'
import { savedRef } from './saved-ref.ts'
import type { Workspaces } from './workspace.ts'

export interface AdopterOptions {
  git: Git
  locate(repo: string): Promise<Repository>
  lock: RepositoryLock
  log: Log
}

/** Takes over what an attempt on another host committed. */
export function createAdopter({ git, locate, lock, log }: AdopterOptions): Pick<Workspaces, 'adopt'> {
  return {
    async adopt(repo, branch, commit, { saved }) {
      const { gitDir } = await locate(repo)
      const inside = gitAt(git, gitDir)
      await lock.hold(gitDir, async () => {
        const orders = await ordersFor(inside, branch, commit)
        if (orders.length > 1) log.warn('a branch gave way to that of a later attempt', { branch, orders })
        if (saved) orders.push(`update ${savedRef(branch, commit)} ${commit}`)
        const input = `${orders.join('\n')}\n`
        if (orders.length > 0)
          await inside(['update-ref', '-m', 'orch: from another host', '--stdin'], { input })
      })
    },
  }
}

async function ordersFor(git: Git, branch: string, commit: string): Promise<string[]> {
  const tip = await commitOf(git, `refs/heads/${branch}`)
  if (!tip) return [`create refs/heads/${branch} ${commit}`]
  if (await isAncestor(git, commit, tip)) return []
  const move = `update refs/heads/${branch} ${commit} ${tip}`
  if (await isAncestor(git, tip, commit)) return [move]
  return [`update ${savedRef(branch, tip)} ${tip}`, move]
}
