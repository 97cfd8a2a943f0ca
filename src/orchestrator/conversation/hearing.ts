import type { JournalEvent } from '../../journal/journal.ts'
import type { Journal } from '../../store/store.ts'
import type { Attempt } from '../../task/task.ts'
import { createTurns } from '../../turns.ts'

/** What was said to an agent: by a person, or as the message of that id. */
export interface Word {
  id: string
  text: string
  /** It is this message (its id is the message's). */
  message?: true
  /** It was put on the program's standard input. */
  written?: true
  /** Not in the journal yet: nobody may be given it. */
  fresh?: true
}

/** A person ended a turn. */
export interface Interrupt {
  id: string
  /** Which process of the attempt it was about: it says nothing of a later one. */
  turn: number
  /** How many words had been said by then. */
  words: number
  /** Known to be carried out; after the death of a daemon nobody knows. */
  done?: true
  /** When it was carried out, in ms since the epoch. */
  at?: number
  /** A critical message asked for it, no person: then the message is what the agent goes on with. */
  message?: true
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
  /** A person ended the turn, and no later word was heard. */
  interrupt?: Interrupt
  /** Which process used up the quota that was waited for last: a later one is there because the pause was over. */
  pausedTurn?: number
  /** How many words the processes before this one had been given and have read. */
  before?: { turn: number; words: number }
  /** Permission questions that a person has answered. */
  permitted: Set<string>
  /** Calls of tools that wait for a message right now: the agent does nothing meanwhile. */
  asking: number
  /** Messages that its inbox tool has given it in this turn: at the turn's end they count as read. */
  given: Set<string>
  /** One after the other: what a person does to the agent, and the step from one process to the next. */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** Tells who follows the agent that something changed here. */
  wake: () => void
}

export interface Hearings {
  /** The one hearing of an attempt; a new daemon reads it from the journal. */
  of(attempt: Attempt): Promise<Hearing>
  /** Tells who follows an attempt of the task that something changed; nobody may. */
  wake(taskId: Attempt['taskId']): void
  /** Forgets it when the attempt is over or let go of. */
  forget(attempt: Pick<Attempt, 'taskId' | 'epoch'>): void
}

const TYPES = [
  'agent.said',
  'agent.told',
  'agent.interrupted',
  'agent.continued',
  'agent.permitted',
  'task.waiting',
] as const

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
    wake(taskId) {
      for (const [key, hearing] of open)
        if (key.startsWith(`${taskId}/`))
          void hearing.then(
            (it) => it.wake(),
            () => {},
          )
    },
    forget: (attempt) => void open.delete(keyOf(attempt)),
  }
}

const keyOf = ({ taskId, epoch }: Pick<Attempt, 'taskId' | 'epoch'>) => `${taskId}/${epoch}`

function recall(events: readonly JournalEvent[]): Hearing {
  const hearing = newHearing()
  for (const { type, data = {} } of events) {
    if (type === 'agent.said' || type === 'agent.told') hearing.words.push(wordOf(data))
    if (type === 'agent.interrupted') hearing.interrupt = interruptOf(data)
    if (type === 'agent.continued')
      hearing.before = { turn: Number(data.turn), words: Number(data.wordsBefore) }
    if (type === 'task.waiting' && data.for === 'quota') hearing.pausedTurn = hearing.before?.turn ?? 1
    if (type === 'agent.permitted') hearing.permitted.add(String(data.question))
  }
  return hearing
}

const interruptOf = ({ id, turn, words, message }: Record<string, unknown>): Interrupt => ({
  id: String(id),
  turn: Number(turn),
  words: Number(words),
  ...(message === true && { message }),
})

const wordOf = ({ id, text, written, message }: Record<string, unknown>): Word => ({
  id: String(id),
  text: String(text),
  ...(written === true && { written }),
  ...(message === true && { message }),
})

export function newHearing(): Hearing {
  const inTurn = createTurns()
  return {
    words: [],
    over: false,
    permitted: new Set(),
    asking: 0,
    given: new Set(),
    alone: (work) => inTurn('', work),
    wake: () => {},
  }
}

/** How many words those processes had been given that came before process `turn`. */
export function givenBefore({ before }: Hearing, { turn, words }: { turn: number; words: number }): number {
  if (turn <= 1) return 0
  return before?.turn === turn ? before.words : words
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
  const believed = tells && !heard
  return words.filter(({ id, written }, index) => index >= given && !heard?.has(id) && !(believed && written))
}
