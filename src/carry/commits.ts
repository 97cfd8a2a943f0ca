import { toOrchError } from '../errors.ts'
import type { Git } from '../git.ts'
import type { Log } from '../log.ts'
import type { Exchange } from '../store/store.ts'
import { createTurns } from '../turns.ts'
import { fromBytes, hasCommit, isCommitId, type Packed, pack, toBytes, unpack } from './bundle.ts'
import type { Home } from './home.ts'
import type { RepositoryNames } from './names.ts'

/** Commits that hosts give each other through the store. A commit is named by its id: who comes late overwrites nothing. */
export interface Commits {
  has(repo: string, commit: string): Promise<boolean>
  /**
   * Puts a commit where other hosts get it, without what `known` commits hold, which they can get too. Given already is not
   * given again, unless `again`: who asks has found it missing or damaged. @throws OrchError E_TOO_LARGE, E_GIT, E_DISK_FULL, E_STORE_DOWN
   */
  give(repo: string, commit: string, known: readonly string[], again?: boolean): Promise<{ bytes: number }>
  /** Whether the repository has it now. What is damaged, or builds on what is not to be had, is not. @throws OrchError E_STORE_DOWN */
  take(repo: string, commit: string): Promise<boolean>
}

export interface CommitsOptions {
  exchange: Pick<Exchange, 'put' | 'get'>
  names: RepositoryNames
  git: Git
  /** Directory of ours for files of a moment. */
  scratch: string
  /** Asked for what the store does not have. */
  home?: Pick<Home, 'commit'>
  /** Runs `work` with the lock of the repository, because refs are written. */
  alone: <T>(repo: string, work: (git: Git) => Promise<T>) => Promise<T>
  now: () => number
  log: Log
  /** Bytes of one bundle. */
  most?: number
}

/** As much as a moderate repository with its whole history takes. */
export const MOST_BUNDLE = 64 * 1024 * 1024
/** So long commits are kept in the store, in ms. */
export const KEEP_MS = 14 * 86_400_000
/** Bundles that build on bundles. */
const MOST_DEEP = 100

export function createCommits(options: CommitsOptions): Commits {
  const { exchange, names, scratch, alone, now, log, most = MOST_BUNDLE } = options
  const inTurn = createTurns()
  const given = new Map<string, { until: number; bytes: number }>()
  const keyOf = (repo: string, commit: string) => `commit/${names.idOf(repo)}/${commit}`
  const has = (repo: string, commit: string) => hasCommit(options.git.in(repo), commit)

  const give = async (repo: string, commit: string, known: readonly string[], again = false) => {
    const key = keyOf(repo, commit)
    const before = given.get(key)
    if (!again && before && before.until - now() > KEEP_MS / 2) return { bytes: before.bytes }
    const packed = await pack(options.git.in(repo), scratch, { commit, known, most })
    if (!packed) return { bytes: 0 } // whoever can get `known` can get it
    const bytes = toBytes(packed)
    const until = now() + KEEP_MS
    await exchange.put(key, bytes, until)
    given.set(key, { until, bytes: bytes.length })
    return { bytes: bytes.length }
  }
  const stored = async (repo: string, commit: string) => {
    const bytes = await exchange.get(keyOf(repo, commit))
    const packed = bytes && fromBytes(bytes)
    if (bytes && !packed) log.warn('commits in the store are damaged', { repo, commit })
    return packed
  }
  const fromHome = async (repo: string, commit: string) => {
    if (!options.home) return undefined
    const args = ['for-each-ref', '--count=100', '--format=%(objectname)', 'refs/heads']
    const have = (await options.git.in(repo)(args)).split('\n').filter(isCommitId)
    await options.home.commit(names.nameOf(repo), commit, have)
    return await stored(repo, commit)
  }
  const take = async (repo: string, commit: string, depth: number): Promise<boolean> => {
    if (!isCommitId(commit) || depth > MOST_DEEP) return false
    if (await has(repo, commit)) return true
    for (const source of [stored, fromHome]) {
      const packed = await source(repo, commit)
      if (packed && (await use(repo, commit, packed, depth))) return true
    }
    return false
  }
  const use = async (repo: string, commit: string, packed: Packed, depth: number): Promise<boolean> => {
    for (const one of packed.known) if (!(await take(repo, one, depth + 1))) return false
    try {
      await alone(repo, (git) => unpack(git, scratch, commit, packed))
      return true
    } catch (error) {
      const { code } = toOrchError(error)
      if (code !== 'E_GIT') throw error
      log.warn('commits in the store cannot be used', { repo, commit, error })
      return false
    }
  }
  return {
    has,
    give: (repo, commit, known, again) => inTurn(keyOf(repo, commit), () => give(repo, commit, known, again)),
    take: (repo, commit) => inTurn(names.idOf(repo), () => take(repo, commit, 0)),
  }
}
