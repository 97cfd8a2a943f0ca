import type { EventView } from '../api/contract.ts'
import { gist } from '../api/gist.ts'
import { oneLine } from '../text.ts'

/** Events of the journal as sentences. */

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

const till = (at: unknown) => (typeof at === 'number' ? ` until ${new Date(at).toISOString()}` : '')
const until = ({ resetAt }: Data) => (typeof resetAt === 'number' ? `,${till(resetAt)}` : '')
const gistOf = ({ type, payload }: Data) =>
  typeof payload === 'object' && payload ? gist({ type: text(type), payload: payload as Data }, LONGEST) : ''
const percent = (data: Data) => (typeof data.percent === 'number' ? ` (${data.percent} %)` : '')

type Sentences = Record<string, (data: Data) => string>

/** The events that tell the story of tasks. */
const STORY: Sentences = {
  'run.submitted': () => 'run submitted',
  'task.queued': (data) => `queued${after(': ', data.title)}`,
  'task.leased': (data) => `given to ${text(data.agent) || 'an agent'}`,
  'task.working': (data) => (data.resumed ? 'working again' : 'working'),
  'task.waiting': (data) => `waiting for ${text(data.for) || 'something'}${until(data)}`,
  'task.reported': (data) => `the agent says that it is done${after(': ', data.summary)}`,
  'task.verified': () => 'the forge shows the work',
  'task.accepted': (data) => `accepted with ${number(data)}`,
  'task.failed': (data) => `attempt failed, tried again${reason(data)}`,
  'task.postponed': (data) => `put off, no try is used up${reason(data)}`,
  'task.dead': (data) => `not accepted, no try is left${reason(data)}`,
  'task.cancelled': (data) => `cancelled${reason(data)}`,
  'task.retried': () => 'to be tried again',
  'agent.said': (data) => `told the agent${after(': ', data.text)}`,
  'agent.stopped': () => 'agent stopped',
  'agent.interrupted': () => "a person ended the agent's turn",
  'agent.permitted': (data) => `a person ${data.allowed ? 'allowed' : 'refused'}${after(' ', data.about)}`,
  'agent.attached': () => "a person came before the agent's screen",
  'agent.detached': () => "the person left the agent's screen",
  'agent.progress': (data) => `${text(data.summary)}${percent(data)}`,
  'agent.completed': (data) =>
    `the agent's own word: ${data.done === false ? 'it gives up' : 'done'}${after(': ', data.summary)}`,
  'message.sent': (data) => `${text(data.type)} to ${text(data.to)}${after(': ', gistOf(data))}`,
  'message.dead': (data) => `message ${text(data.id)} could not be delivered${reason(data)}`,
  'work.saved': (data) => (data.committed ? `work saved${after(' as ', data.commit)}` : 'nothing to save'),
  'pr.opened': (data) => `${number(data)} opened`,
  'pr.updated': (data) => `${number(data)} updated`,
  'pr.merged': (data) => `${number(data)} merged`,
  'pr.closed': (data) => `${number(data)} closed`,
  'pr.checked': (data) => `check ${text(data.name)} of ${number(data)}${after(': ', data.state)}`,
  'pr.reviewed': (data) => `review of ${number(data)}${after(': ', data.verdict)}`,
  'breaker.opened': (data) =>
    `${text(data.name)} is out of order, left alone${till(data.until)}${after(': ', data.error)}`,
  'breaker.closed': (data) => `${text(data.name)} works again`,
  'daemon.started': (data) => `daemon started${after(', version ', data.version)}`,
  'daemon.stopped': () => 'daemon stopped',
}
export const STORY_EVENTS = Object.keys(STORY)

/** What agents do in detail. */
const DETAIL: Sentences = {
  'agent.started': () => 'agent started',
  'agent.exited': (data) => `agent ended${after(' with status ', data.status)}`,
  'agent.continued': (data) => `a further process goes on${data.cause === 'quota' ? ' after the pause' : ''}`,
  'agent.told': () => 'messages are put before the agent',
  'message.read': (data) => `message ${text(data.id)} is read`,
  'message.returned': (data) => `message ${text(data.id)} came back${reason(data)}`,
  'message.edited': (data) => `message ${text(data.id)} is changed`,
  'message.redriven': (data) => `message ${text(data.id)} is sent again`,
  'message.dropped': (data) => `message ${text(data.id)} is dropped${reason(data)}`,
  'turn.started': () => 'turn started',
  'turn.ended': (data) => `turn ended${after(': ', data.error)}`,
  'tool.called': (data) => `${text(data.name)}${after(' ', data.input)}`,
  message: (data) => text(data.text),
  note: (data) => text(data.text),
  waiting: (data) => `waits for ${text(data.for)}${after(': ', data.about)}`,
  resumed: () => 'goes on',
  'words.read': () => 'goes on with what it was told',
  'quota.hit': (data) => `quota used up${until(data)}`,
  'store.pruned': () => 'what was old is forgotten',
}

/** An event as a sentence without a line end or control characters; an unknown event by its name. */
export function sentence(event: Pick<EventView, 'type' | 'data'>): string {
  return (STORY[event.type] ?? DETAIL[event.type])?.(event.data ?? {}) ?? text(event.type)
}

/** What an agent does right now, if the event says so. */
export function activity(event: EventView): string | undefined {
  return ['tool.called', 'message', 'note', 'waiting', 'quota.hit', 'agent.progress'].includes(event.type)
    ? sentence(event)
    : undefined
}
