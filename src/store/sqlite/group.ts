import { OrchError, toOrchError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { Database } from './database.ts'

/**
 * Group commit: all verbs that arrive in one turn of the event loop share one transaction and one fsync.
 * Each runs in a savepoint of its own, so that one that fails is undone alone; when the transaction as a whole fails
 * (disk full), all of them are rejected and none is done.
 */
export interface GroupCommit {
  /** Runs `verb` (synchronous, may run SQL) in the next group; resolves when it is durable. */
  write<T>(verb: () => T): Promise<T>
  /** Commits what waits and refuses what comes later. */
  close(): void
}

/** What a group does besides SQL, and has to undo and to publish with it: the events that it appended. */
export interface SideEffects {
  /** How much there is now. */
  mark(): number
  /** Forgets what came after the mark. */
  rewind(mark: number): void
  /** It is durable. */
  publish(): void
}

/** Several as one. */
export function together(...effects: SideEffects[]): SideEffects {
  const marks: number[][] = []
  return {
    mark: () => marks.push(effects.map((effect) => effect.mark())) - 1,
    rewind(mark) {
      const to = marks[mark] ?? []
      for (const [index, effect] of effects.entries()) effect.rewind(to[index] ?? 0)
      marks.length = Math.min(marks.length, mark)
    },
    publish() {
      marks.length = 0
      for (const effect of effects) effect.publish()
    },
  }
}

interface Verb {
  run: () => unknown
  resolve: (value: never) => void
  reject: (error: OrchError) => void
}

/** Keeps one turn from growing without bound: about 20 ms of work. */
const MOST_VERBS = 500

export function createGroupCommit(db: Database, effects: SideEffects, log: Log): GroupCommit {
  let waiting: Verb[] = []
  let closed = false

  function commitNext(): void {
    const group = waiting.slice(0, MOST_VERBS)
    waiting = waiting.slice(MOST_VERBS)
    if (waiting.length > 0) setImmediate(commitNext)
    if (group.length === 0) return
    for (const settle of transact(group)) settle()
    effects.publish()
  }

  function transact(group: Verb[]): (() => void)[] {
    try {
      db.run('BEGIN IMMEDIATE')
      const settled = group.map(runAlone)
      db.run('COMMIT')
      return settled
    } catch (cause) {
      undo()
      const error = toOrchError(cause)
      log.error('a group of writes failed as a whole', { error, verbs: group.length })
      return group.map(
        ({ reject }) =>
          () =>
            reject(error),
      )
    }
  }

  function runAlone({ run, resolve, reject }: Verb): () => void {
    const mark = effects.mark()
    db.run('SAVEPOINT verb')
    try {
      const value = run() as never
      db.run('RELEASE verb')
      return () => resolve(value)
    } catch (error) {
      if (!db.inTransaction) throw error // the engine gave the whole transaction up
      db.run('ROLLBACK TO verb')
      db.run('RELEASE verb')
      effects.rewind(mark)
      return () => reject(toOrchError(error))
    }
  }

  function undo(): void {
    effects.rewind(0)
    try {
      if (db.inTransaction) db.run('ROLLBACK')
    } catch (error) {
      log.error('a failed group of writes could not be rolled back', { error })
    }
  }

  return {
    write: <T>(run: () => T) =>
      new Promise<T>((resolve, reject) => {
        if (closed) return reject(new OrchError('E_STORE', 'the store is closed'))
        if (waiting.length === 0) setImmediate(commitNext)
        waiting.push({ run, resolve, reject })
      }),
    close: () => {
      closed = true
      while (waiting.length > 0) commitNext()
    },
  }
}
