import type { EventView } from '../api/contract.ts'
import { oneLine } from '../text.ts'

/** Events of the journal as sentences. */

/** The events that tell the story of tasks; the rest is what agents do in detail. */
export const STORY_EVENTS = [
  'run.submitted',
  'task.queued',
  'task.leased',
  'task.working',
  'task.waiting',
  'task.reported',
  'task.verified',
  'task.accepted',
  'task.failed',
  'task.dead',
  'task.cancelled',
  'task.retried',
  'agent.said',
  'agent.stopped',
  'work.saved',
  'pr.opened',
  'pr.updated',
  'pr.merged',
  'pr.closed',
  'pr.checked',
  'pr.reviewed',
  'daemon.started',
  'daemon.stopped',
]

type Data = Record<string, unknown>
const LONGEST = 300

const text = (value: unknown): string =>
  value === undefined || value === null
    ? ''
    : oneLine(typeof value === 'string' ? value : JSON.stringify(value), LONGEST)
const after = (separator: string, value: unknown) => (text(value) ? `${separator}${text(value)}` : '')
const reason = ({ reason: why }: Data) => after(': ', (why as { message?: string } | undefined)?.message)
const number = (data: Data) => {
  const found = data.number ?? (data.pullRequest as { number?: number } | undefined)?.number
  return found === undefined ? 'its pull request' : `pull request #${text(found)}`
}

const SENTENCES: Record<string, (data: Data) => string> = {
  'run.submitted': () => 'run submitted',
  'task.queued': (data) => `queued${after(': ', data.title)}`,
  'task.leased': (data) => `given to ${text(data.agent) || 'an agent'}`,
  'task.working': (data) => (data.resumed ? 'working again' : 'working'),
  'task.waiting': (data) => `waiting for ${text(data.for) || 'something'}`,
  'task.reported': (data) => `the agent says that it is done${after(': ', data.summary)}`,
  'task.verified': () => 'the forge shows the work',
  'task.accepted': (data) => `accepted with ${number(data)}`,
  'task.failed': (data) => `attempt failed, tried again${reason(data)}`,
  'task.dead': (data) => `not accepted, no try is left${reason(data)}`,
  'task.cancelled': (data) => `cancelled${reason(data)}`,
  'task.retried': () => 'to be tried again',
  'agent.started': () => 'agent started',
  'agent.exited': (data) => `agent ended${after(' with status ', data.status)}`,
  'agent.said': (data) => `told the agent${after(': ', data.text)}`,
  'agent.stopped': () => 'agent stopped',
  'work.saved': (data) => (data.committed ? `work saved${after(' as ', data.commit)}` : 'nothing to save'),
  'pr.opened': (data) => `${number(data)} opened`,
  'pr.updated': (data) => `${number(data)} updated`,
  'pr.merged': (data) => `${number(data)} merged`,
  'pr.closed': (data) => `${number(data)} closed`,
  'pr.checked': (data) => `check ${text(data.name)} of ${number(data)}${after(': ', data.state)}`,
  'pr.reviewed': (data) => `review of ${number(data)}${after(': ', data.verdict)}`,
  'daemon.started': (data) => `daemon started${after(', version ', data.version)}`,
  'daemon.stopped': () => 'daemon stopped',
  'turn.started': () => 'turn started',
  'turn.ended': (data) => `turn ended${after(': ', data.error)}`,
  'tool.called': (data) => `${text(data.name)}${after(' ', data.input)}`,
  message: (data) => text(data.text),
  note: (data) => text(data.text),
  waiting: (data) => `waits for ${text(data.for)}`,
  'quota.hit': (data) => `quota used up${after(', back at ', data.resetAt)}`,
}

/** An event as a sentence without a line end or control characters; an unknown event by its name. */
export function sentence(event: Pick<EventView, 'type' | 'data'>): string {
  return SENTENCES[event.type]?.(event.data ?? {}) ?? text(event.type)
}

/** What an agent does right now, if the event says so. */
export function activity(event: EventView): string | undefined {
  return ['tool.called', 'message', 'note', 'quota.hit'].includes(event.type) ? sentence(event) : undefined
}
