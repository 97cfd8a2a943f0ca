import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import { type Heard, type OutputReader, REFUSED, type Reply } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'
import { createJsonLines, type JsonMessage } from '../json-lines.ts'
import {
  type Incoming,
  parseEnded,
  parsePermission,
  parseUpdate,
  readIncoming,
  type ToolCallUpdate,
} from './messages.ts'
import { createOpening } from './opening.ts'
import { readOrder } from './order.ts'
import { endingOf, endingOfError } from './outcome.ts'
import { commandOf, judgePermission, optionFor, questionOf } from './policy.ts'
import { notOffered, permission } from './requests.ts'
import { createTurns } from './turn.ts'

/** What stands before the id of a word in the id of its prompt. */
export const WORD = 'word:'

type Answer = Extract<Incoming, { type: 'result' | 'error' }>
type Request = Extract<Incoming, { type: 'request' }>

/**
 * The client of an ACP agent as a pure function of the lines that the agent prints: any daemon can make it again at any
 * time from the order and all lines so far. Without an order it understands but asks for nothing.
 */
export function createAcpReader(kept?: string): OutputReader {
  const order = readOrder(kept)
  const opening = order && createOpening(order)
  const turns = createTurns()
  const heard = new Set<string>()
  /** Replies that nothing shows to have arrived. */
  const owed = new Map<string, Reply>()
  /** Which process of the attempt prints. */
  let processNumber = 1

  const owe = (reply: Reply): Reply[] => {
    owed.set(reply.id, reply)
    return [reply]
  }
  const answered = (message: Answer): Heard => {
    const id = String(message.id)
    const [launch = '', name = ''] = id.split(':')
    owed.delete(id)
    if (id.startsWith(WORD)) heard.add(id.slice(WORD.length))
    if (id.startsWith(WORD) || name === 'prompt') return promptAnswered(message)
    return order?.launch === launch ? goOn(name, message) : { events: openedBefore(name, message) }
  }
  const promptAnswered = (message: Answer): Heard => {
    owed.clear()
    if (message.type === 'error') return { events: turns.ended(() => endingOfError(message.error)) }
    const { stopReason = 'its answer is none that the protocol knows', ...answer } =
      parseEnded(message.result) ?? {}
    return { events: turns.ended((said) => endingOf(stopReason, said), answer) }
  }
  const goOn = (name: string, message: Answer): Heard => {
    const step = opening?.answered(name, message)
    if (!step) return { events: [] }
    if (step.outcome) turns.came(step.outcome)
    const started = step.session === undefined ? [] : turns.opened(step.session)
    return { events: [...step.events, ...started], replies: step.reply && owe(step.reply) }
  }
  /** Of a process before the one that the order is for, only what it told counts. */
  const openedBefore = (name: string, message: Answer): AgentEvent[] => {
    if (name !== 'session' || message.type === 'error') return []
    const { sessionId } = (message.result ?? {}) as { sessionId?: unknown }
    return turns.opened(typeof sessionId === 'string' ? sessionId : undefined)
  }
  const answer = (request: Request, text: string): Reply[] =>
    owe({ id: `${order?.launch ?? ''}:answer:${JSON.stringify(request.id)}`, text })

  const requested = (request: Request): Heard => {
    const asked =
      request.method === 'session/request_permission' ? parsePermission(request.params) : undefined
    if (!asked) return { events: [], replies: answer(request, notOffered(request.id, request.method)) }
    const tool = turns.calls.known(asked.toolCall)
    turns.calls.take({ ...asked.toolCall, status: 'pending' })
    const about = aboutOf({ ...tool, title: asked.toolCall.title ?? tool.title })
    const verdict = order ? judgePermission(order, tool, order.mcp) : 'ask'
    if (verdict === 'ask')
      return { events: turns.asks(tool.toolCallId, questionOf(processNumber, request.id, asked), about) }
    const replies = answer(request, permission(request.id, optionFor(asked.options, verdict)))
    if (verdict === 'allow') return { events: [], replies }
    return { events: [{ type: 'note', text: `${REFUSED} ${about}` }], replies }
  }
  const notified = (method: string, params: unknown): Heard | undefined => {
    if (method !== 'session/update') return undefined
    const update = parseUpdate(params)
    return update && { events: turns.updated(update) }
  }
  const read = (json: JsonMessage): Heard | undefined => {
    const message = readIncoming(json)
    switch (message?.type) {
      case 'result':
      case 'error':
        return answered(message)
      case 'request':
        return requested(message)
      case 'notification':
        return notified(message.method, message.params)
      default:
        return undefined
    }
  }

  return {
    line: createJsonLines({ read, kindOf }),
    owed: () => [...owed.values()],
    outcome: (exit, stderr) => turns.outcome() ?? (exit && brokenOff('the agent', exit.status, stderr)),
    heard: () => heard,
    nextProcess() {
      processNumber++
      owed.clear()
      turns.nextProcess()
    },
  }
}

const aboutOf = (tool: ToolCallUpdate): string =>
  oneLine(`${tool.kind ?? 'tool'}: ${commandOf(tool) || (tool.locations?.[0]?.path ?? tool.toolCallId)}`, 300)

function kindOf({ method, params }: JsonMessage): string {
  const update = (params as { update?: { sessionUpdate?: unknown } } | undefined)?.update?.sessionUpdate
  return typeof update === 'string'
    ? update
    : typeof method === 'string'
      ? method
      : 'neither request nor answer'
}
