import { copyFile, lstat, rm, stat, utimes } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Env } from '../exec.ts'
import { type Git, gitError } from '../git.ts'
import { agentIgnores } from './agent-ignores.ts'
import type { Desk } from './desk.ts'
import { listed } from './git-at.ts'
import { readSetUp } from './record.ts'

/** The files of a checkout as a tree. */
export interface Snapshot {
  tree: string
  /** An index that fits the tree. Whoever takes a snapshot deletes it. */
  index: string
  /** Untracked files that are not in it, with the reason. */
  leftOut: string[]
}

/** Larger untracked files are taken for downloads, dumps or caches. */
const LARGEST = 100 * 1024 * 1024

/**
 * Takes a snapshot with an index of its own: an `index.lock` that a killed agent left, unmerged entries and the stage of
 * a merge or rebase do not matter, and nothing in the checkout changes.
 *
 * No hook, no fsmonitor, no editor and no signing program runs. A `filter.*.clean` that the repository's configuration
 * and attributes name does run, as it must for LFS: git cannot tell a planted one from one that is meant.
 */
export async function takeSnapshot(desk: Desk, unique: string, personsEnv?: Env): Promise<Snapshot> {
  const index = join(desk.admin ?? dirname(desk.path), `orch-index.${unique}`)
  const env = { GIT_INDEX_FILE: index, ...(await agentIgnores(desk.git, desk.path, personsEnv)) }
  try {
    await startIndex(desk, index)
    const leftOut = await unfit(desk, env)
    leftOut.push(...(await addAll(desk.git, leftOut, env)))
    await takeBackSetUp(desk, env)
    const tree = await desk.git(['write-tree'], { env })
    return { tree, index, leftOut: leftOut.map((it) => `${it.path} (${it.why})`) }
  } catch (error) {
    await rm(index, { force: true })
    throw error
  }
}

/** The agent's own index knows which files are unchanged: without it each file would be read again. */
async function startIndex(desk: Desk, index: string): Promise<void> {
  const own = desk.admin && join(desk.admin, 'index')
  const times = own ? await stat(own).catch(() => undefined) : undefined
  if (!own || !times) {
    if (desk.head) await desk.git(['read-tree', desk.head], { env: { GIT_INDEX_FILE: index } })
    return
  }
  await copyFile(own, index)
  // git takes a file for unchanged when it is older than the index: the copy must not look newer than the original.
  await utimes(index, times.atime, new Date(times.mtimeMs - 10))
}

interface LeftOut {
  path: string
  why: string
}

async function unfit(desk: Desk, env: Env): Promise<LeftOut[]> {
  const untracked = await listed(desk.git, ['ls-files', '-z', '--others', '--exclude-standard'], env)
  const found: LeftOut[] = []
  for (const path of untracked) {
    if (path.endsWith('/')) found.push({ path: path.slice(0, -1), why: 'a repository of its own' })
    else if (await isHuge(join(desk.path, path))) found.push({ path, why: 'more than 100 MB' })
  }
  return found
}

async function isHuge(path: string): Promise<boolean> {
  return ((await lstat(path).catch(() => undefined))?.size ?? 0) > LARGEST
}

/** Adds everything but `without`. Gives what git could not read. */
async function addAll(git: Git, without: LeftOut[], env: Env): Promise<LeftOut[]> {
  const quiet = ['-c', 'core.safecrlf=false', '-c', 'advice.addEmbeddedRepo=false']
  const args = ['add', '--all', '--ignore-errors', '--pathspec-from-file=-', '--pathspec-file-nul']
  const paths = ['.', ...without.map((it) => `:(top,literal,exclude)${it.path}`)]
  const result = await git.try([...quiet, ...args], { env, input: paths.join('\0'), timeoutMs: 600_000 })
  if (result.code === 0) return []
  const unreadable = [...result.stderr.matchAll(/^error: open\("(.+)"\): (.+)$/gm)]
  if (result.code !== 1 || unreadable.length === 0) throw gitError(git.dir, args, result)
  return unreadable.map(([, path = '', why = '']) => ({ path, why }))
}

/** An agent whose git was not told to ignore them may have staged what set-up steps brought: secrets, as like as not. */
async function takeBackSetUp(desk: Desk, env: Env): Promise<void> {
  const paths = (await readSetUp(desk.path)).map((path) => `:(top,literal)${path}`)
  if (paths.length === 0 || !desk.head) return
  const args = ['diff-index', '--cached', '--no-renames', '--diff-filter=A', '--name-only', '-z', desk.head]
  const staged = await listed(desk.git, [...args, '--', ...paths], env)
  if (staged.length > 0)
    await desk.git(['update-index', '--force-remove', '-z', '--stdin'], { env, input: staged.join('\0') })
}
