import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../clock.ts'
import { OrchError, toOrchError } from '../errors.ts'
import { createTurns } from '../turns.ts'

/**
 * One lock per repository that holds across processes: git's own commands fail now and then when two of them add or
 * prune worktrees, or fetch, at the same time. The kernel lets it go when the holder dies, however it dies.
 */
export interface RepositoryLock {
  /**
   * Runs `work` while nobody else (in this process or another) holds the lock of the repository. Not reentrant. Keep the
   * work short: everybody else waits.
   * @param gitDir the git directory that all worktrees share
   * @throws OrchError E_TIMEOUT when the lock did not come in time, E_WORKSPACE when the git directory is not writable
   */
  hold<T>(gitDir: string, work: () => Promise<T>): Promise<T>
}

export interface LockOptions {
  clock: Clock
  /** How long to wait for the lock, in ms. Default 60,000. */
  limitMs?: number
}

/** Made empty in the git directory, and never written to: only its locks are used. */
const FILE = 'orch.lock.db'
const BETWEEN_TRIES_MS = 5
const SQLITE_BUSY = 5

/** Callers in one process queue in memory, so that only one of them polls the file. */
export function createRepositoryLock({ clock, limitMs = 60_000 }: LockOptions): RepositoryLock {
  const inTurn = createTurns()
  /** A file that nobody refers to would be closed by the garbage collector, and the lock lost. */
  const held = new Set<DatabaseSync>()
  return {
    hold(gitDir, work) {
      const deadline = clock.now() + limitMs
      return inTurn(gitDir, async () => {
        const release = await acquire(gitDir, deadline)
        return work().finally(release)
      })
    },
  }

  async function acquire(gitDir: string, deadline: number): Promise<() => void> {
    const file = open(gitDir)
    try {
      while (!tryLock(file, gitDir)) {
        if (clock.now() >= deadline)
          throw new OrchError('E_TIMEOUT', `another process held the lock of ${gitDir} for ${limitMs} ms`)
        await clock.sleep(BETWEEN_TRIES_MS)
      }
      held.add(file)
      return () => {
        held.delete(file)
        file.close()
      }
    } catch (error) {
      file.close()
      throw error
    }
  }
}

function open(gitDir: string): DatabaseSync {
  try {
    return new DatabaseSync(join(gitDir, FILE), { timeout: 0 })
  } catch (cause) {
    throw unusable(gitDir, cause)
  }
}

/** True when we have it now; it never waits. */
function tryLock(file: DatabaseSync, gitDir: string): boolean {
  try {
    file.exec('BEGIN EXCLUSIVE')
    return true
  } catch (cause) {
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return false
    throw unusable(gitDir, cause)
  }
}

function unusable(gitDir: string, cause: unknown): OrchError {
  const known = toOrchError(cause)
  if (known.code === 'E_DISK_FULL') return known
  return new OrchError('E_WORKSPACE', `cannot lock ${join(gitDir, FILE)}: ${known.message}`, {
    cause,
    fix: 'Make the git directory writable for the user that runs orchd.',
  })
}
