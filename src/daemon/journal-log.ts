import { readable } from '../agent/json-lines.ts'
import type { Answer } from '../api/contract.ts'
import type { AgentEvent, EventType } from '../journal/journal.ts'
import type { Journal } from '../store/store.ts'
import type { Attempt } from '../task/task.ts'

const TYPES: EventType[] = ['tool.called', 'message', 'waiting', 'turn.ended', 'quota.hit', 'note']
const MOST_EVENTS = 10_000

/**
 * What the journal has of an attempt, instead of a log that cannot be got: its host does not answer. It is given whole to who
 * asks from the beginning; who had read the log itself so far is given nothing more, because the places in it are others.
 */
export async function journalLog(journal: Journal, attempt: Attempt, from: number): Promise<Answer<'log'>> {
  const { taskId, epoch, host, outcome } = attempt
  const events = from > 0 ? [] : await journal.read({ taskId, types: TYPES, limit: MOST_EVENTS })
  const lines = events
    .filter((event) => event.epoch === epoch)
    .map(({ type, data }) => readable({ type, ...data } as AgentEvent))
    .filter(Boolean)
  const head = `-- ${host} does not answer and has the log; this is what the journal tells`
  const text = from > 0 ? '' : `${[head, ...lines].join('\n')}\n`
  return {
    text,
    next: from + Buffer.byteLength(text),
    ended: outcome !== undefined && text === '',
    gone: host,
  }
}
