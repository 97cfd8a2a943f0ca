import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'

/** What git keeps of a linked worktree: `<gitDir>/worktrees/<id>`, with its HEAD, index and reflog. */

/**
 * The directory that git keeps for the worktree at `path`; undefined when there is none. The `.git` file inside of the
 * worktree is not asked, because an agent may have changed it.
 */
export async function findAdmin(gitDir: string, path: string): Promise<string | undefined> {
  const all = join(gitDir, 'worktrees')
  const names = await readdir(all).catch(() => [])
  const likely = names.filter((name) => name === basename(path))
  for (const some of [likely, names]) {
    const places = await Promise.all(some.map((name) => placeOf(join(all, name))))
    const name = some[places.indexOf(path)]
    if (name !== undefined) return join(all, name)
  }
  return undefined
}

async function placeOf(admin: string): Promise<string | undefined> {
  const pointer = await readFile(join(admin, 'gitdir'), 'utf8').catch(() => undefined)
  return pointer && resolve(admin, pointer.replace(/\n$/, ''), '..')
}

/** Full name of the ref that HEAD points at; undefined when it is detached or unreadable. */
export async function headRef(admin: string): Promise<string | undefined> {
  const head = await readFile(join(admin, 'HEAD'), 'utf8').catch(() => '')
  return /^ref: (.+)\n?$/.exec(head)?.[1]
}

/**
 * Forgets a worktree, as `git worktree prune` does, but only this one: prune would also forget what the person has on a
 * disk that is not there now. By one rename, because a half-deleted directory makes other git commands fail. Under the lock.
 */
export async function removeAdmin(gitDir: string, path: string, unique: string): Promise<void> {
  const trash = join(gitDir, 'orch.trash')
  for (let admin = await findAdmin(gitDir, path); admin; admin = await findAdmin(gitDir, path)) {
    await mkdir(trash, { recursive: true })
    await rename(admin, join(trash, `${basename(admin)}.${unique}`))
    await rm(trash, { recursive: true, force: true })
  }
}
