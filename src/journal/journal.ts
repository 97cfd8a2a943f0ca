import type { RunId, TaskId } from '../id.ts'
import type { Usage, WaitingFor } from '../task/task.ts'

/** The journal: the append-only, ordered record of everything that happened. Log, report and CLI are readers of it. */

/** What an agent did, in the few words that every driver translates its program's output to. */
export type AgentEvent =
  | { type: 'turn.started'; session?: string; model?: string }
  | { type: 'tool.called'; id: string; name: string; input?: string; ok?: boolean; durationMs?: number }
  | { type: 'message'; text: string }
  | { type: 'usage'; usage: Partial<Usage> }
  /** `question` names a permission question that can be answered; `about` says what it waits for. */
  | { type: 'waiting'; for: WaitingFor; resetAt?: number; question?: string; about?: string }
  /** What it waited for is there. */
  | { type: 'resumed' }
  /** Instead of ending, its turn went on with these words (their ids), which a hook handed over. `at`: ms since the epoch. */
  | { type: 'words.read'; words: string[]; at: number }
  | { type: 'turn.ended'; ok: boolean; text?: string; error?: string }
  | { type: 'quota.hit'; resetAt?: number }
  | { type: 'note'; text: string }

export const TASK_EVENTS = [
  'task.queued',
  'task.leased',
  'task.working',
  'task.waiting',
  'task.reported',
  'task.verified',
  'task.accepted',
  'task.failed',
  'task.postponed',
  'task.dead',
  'task.cancelled',
  'task.retried',
] as const
export type TaskEventType = (typeof TASK_EVENTS)[number]

/** `message.sent` holds the whole message; the others name it by its id. */
export const MESSAGE_EVENTS = [
  'message.sent',
  'message.read',
  'message.returned',
  'message.dead',
  'message.edited',
  'message.redriven',
  'message.dropped',
] as const
export type MessageEventType = (typeof MESSAGE_EVENTS)[number]

export type EventType =
  | TaskEventType
  | AgentEvent['type']
  | 'run.submitted'
  | 'agent.started'
  | 'agent.exited'
  | 'agent.said'
  | 'agent.stopped'
  /** A person ended its turn. */
  | 'agent.interrupted'
  /** A new process goes on with its session: after a word, an interrupt or a quota. */
  | 'agent.continued'
  /** A person answered a permission question. */
  | 'agent.permitted'
  /** A person came before its screen, or left it. */
  | 'agent.attached'
  | 'agent.detached'
  /** Its own word, by MCP or `orch agent`: how far it is; that it is done, or gives up. */
  | 'agent.progress'
  | 'agent.completed'
  | MessageEventType
  /** A message was put before the agent, as a word of its conversation. */
  | 'agent.told'
  | 'branch.merged'
  | 'breaker.opened'
  | 'breaker.closed'
  | 'work.saved'
  | 'pr.opened'
  | 'pr.updated'
  | 'pr.merged'
  | 'pr.closed'
  | 'pr.checked'
  | 'pr.reviewed'
  /** A host takes tasks of this store; it left; it was not heard of for too long. */
  | 'host.joined'
  | 'host.left'
  | 'host.lost'
  /** The store had been out of reach; it came back with less than was written to it. */
  | 'store.back'
  | 'store.regressed'
  /** What was old is forgotten: events up to `upTo`, tasks that have ended. */
  | 'store.pruned'
  | 'daemon.started'
  | 'daemon.stopped'

/** An event before it has its place in the journal. `data` is JSON; it never holds a secret. */
export interface NewEvent {
  type: EventType
  /** ms since the epoch. */
  at: number
  runId?: RunId
  taskId?: TaskId
  epoch?: number
  agent?: string
  data?: Record<string, unknown>
}

/** An event in the journal. `seq` grows by the order of commits and has no promise of being without gaps. */
export interface JournalEvent extends NewEvent {
  seq: number
}

export interface EventFilter {
  runId?: RunId
  taskId?: TaskId
  types?: EventType[]
}

export function matches(event: NewEvent, filter: EventFilter): boolean {
  if (filter.runId && event.runId !== filter.runId) return false
  if (filter.taskId && event.taskId !== filter.taskId) return false
  return !filter.types || filter.types.includes(event.type)
}
