import type { OutputReader } from '../agent/agent.ts'
import type { Journal } from '../store/store.ts'
import type { Attempt } from '../task/task.ts'

/**
 * What people say to one agent, and the end of its attempt: the one waits for the other, so that nobody is told that a
 * word was said to an agent that is stopped before it reads it.
 */
export interface Hearing {
  /** Words said in this attempt, also those on their way. */
  said: number
  /** The attempt is being ended: nothing can be said any more. */
  over: boolean
}

export interface Hearings {
  /** The one hearing of an attempt; a new daemon counts on from the journal. */
  of(attempt: Attempt): Promise<Hearing>
  /** Forgets it when the attempt is over or let go of. */
  forget(attempt: Pick<Attempt, 'taskId' | 'epoch'>): void
}

export function createHearings(journal: Pick<Journal, 'read'>): Hearings {
  const open = new Map<string, Promise<Hearing>>()
  const begin = async ({ taskId, epoch }: Attempt): Promise<Hearing> => {
    const words = await journal.read({ taskId, types: ['agent.said'], limit: 10_000 })
    return { said: words.filter((word) => word.epoch === epoch).length, over: false }
  }
  return {
    of(attempt) {
      const known = open.get(keyOf(attempt))
      if (known) return known
      const hearing = begin(attempt)
      open.set(keyOf(attempt), hearing)
      hearing.catch(() => open.delete(keyOf(attempt)))
      return hearing
    },
    forget: (attempt) => void open.delete(keyOf(attempt)),
  }
}

const keyOf = ({ taskId, epoch }: Pick<Attempt, 'taskId' | 'epoch'>) => `${taskId}/${epoch}`

/** Whether a word is on its way that the agent's program has not read. */
export function isUnheard({ said }: Hearing, reader: OutputReader): boolean {
  const heard = reader.heard?.()
  return heard !== undefined && heard < said
}
