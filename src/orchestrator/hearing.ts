import type { JournalEvent } from '../journal/journal.ts'
import type { Journal } from '../store/store.ts'
import type { Attempt } from '../task/task.ts'

/** What a person said to an agent. */
export interface Word {
  id: string
  text: string
}

/**
 * What people say and do to one agent, and the end of its attempt: the one waits for the other, so that nobody is told
 * that a word was said to an agent that is stopped before it reads it.
 */
export interface Hearing {
  /** Words said in this attempt, in order, also those on their way. */
  words: Word[]
  /** The attempt is being ended: nothing can be said any more. */
  over: boolean
  /** A person ended the turn, and no later word was heard: how many words had been said by then. */
  interruptedAt?: number
  /** Permission questions that a person has answered. */
  permitted: Set<string>
  /** Tells who follows the agent that something changed here. */
  wake: () => void
}

export interface Hearings {
  /** The one hearing of an attempt; a new daemon reads it from the journal. */
  of(attempt: Attempt): Promise<Hearing>
  /** Forgets it when the attempt is over or let go of. */
  forget(attempt: Pick<Attempt, 'taskId' | 'epoch'>): void
}

const TYPES = ['agent.said', 'agent.interrupted', 'agent.continued', 'agent.permitted'] as const

export function createHearings(journal: Pick<Journal, 'read'>): Hearings {
  const open = new Map<string, Promise<Hearing>>()
  const begin = async ({ taskId, epoch }: Attempt): Promise<Hearing> => {
    const events = await journal.read({ taskId, types: [...TYPES], limit: 10_000 })
    return recall(events.filter((event) => event.epoch === epoch))
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

function recall(events: readonly JournalEvent[]): Hearing {
  const hearing: Hearing = { words: [], over: false, permitted: new Set(), wake: () => {} }
  for (const { type, data = {} } of events) {
    if (type === 'agent.said') hearing.words.push({ id: String(data.id), text: String(data.text) })
    if (type === 'agent.interrupted') hearing.interruptedAt = Number(data.words)
    if (type === 'agent.continued') delete hearing.interruptedAt
    if (type === 'agent.permitted') hearing.permitted.add(String(data.question))
  }
  return hearing
}

/**
 * The words that the agent has neither been given as a prompt nor read. A program that does not tell what it reads
 * (`heard` undefined) is believed to have read what was written on its standard input.
 */
export function unheard(
  { words }: Hearing,
  given: number,
  heard: ReadonlySet<string> | undefined,
  tells: boolean,
): Word[] {
  if (tells && !heard) return []
  return words.filter(({ id }, index) => index >= given && !heard?.has(id))
}
