import type { AgentEvent } from '../../journal/journal.ts'
import type { Outcome } from '../agent.ts'
import type { Update } from './messages.ts'
import type { Ending } from './outcome.ts'
import { createToolCalls } from './tool-calls.ts'
import { createUsage } from './usage.ts'

/** The turns of an agent: what it says and does from a prompt to its answer. */
export function createTurns() {
  const calls = createToolCalls()
  const usage = createUsage()
  /** Tool calls that wait for a person's word. */
  const asked = new Set<string>()
  let session: string | undefined
  /** Of the process before: the answer to a request to load it does not name it. */
  let lastSession: string | undefined
  let running = false
  let outcome: Outcome | undefined
  let pieces = ''
  let messageId: string | undefined
  let said = ''

  const begin = (): AgentEvent[] => {
    if (running) return []
    running = true
    said = ''
    outcome = undefined
    return [{ type: 'turn.started', ...(session && { session }) }]
  }
  /** Messages come in pieces: one is whole when something else comes. */
  const flush = (): AgentEvent[] => {
    const text = pieces
    pieces = ''
    if (!text.trim()) return []
    said = text
    return [{ type: 'message', text }]
  }
  const goesOn = (): AgentEvent[] => {
    if (asked.size === 0) return []
    asked.clear()
    return [{ type: 'resumed' }]
  }
  const words = (text: string, id: string | undefined): AgentEvent[] => {
    const before = id === messageId ? [] : flush()
    messageId = id
    pieces += text
    return [...before, ...goesOn()]
  }
  const toolCall = (update: Update & { sessionUpdate: 'tool_call' | 'tool_call_update' }): AgentEvent[] => {
    const waits = !asked.has(update.toolCallId) || !update.status || update.status === 'pending'
    return [...flush(), ...(waits ? [] : goesOn()), ...calls.take(update)]
  }
  const inTurn = (update: Update): AgentEvent[] | undefined => {
    switch (update.sessionUpdate) {
      case 'agent_message_chunk':
        return words(update.content.text ?? '', update.messageId ?? undefined)
      case 'agent_thought_chunk':
        return flush()
      case 'tool_call':
      case 'tool_call_update':
        return toolCall(update)
      case 'plan':
        return [...flush(), { type: 'note', text: planText(update.entries) }]
      default:
        return undefined
    }
  }
  const beside = (update: Update): AgentEvent[] => {
    switch (update.sessionUpdate) {
      case 'user_message_chunk':
        pieces = '' // the history of a loaded session: Gemini CLI goes on telling it after it has answered
        return []
      case 'usage_update':
        return usage.cost(update.cost)
      case 'current_mode_update':
        return [{ type: 'note', text: `mode: ${update.currentModeId}` }]
      case 'notice':
        return [{ type: 'note', text: `${update.severity}: ${update.title}` }]
      default:
        return []
    }
  }

  return {
    calls,
    outcome: () => outcome,
    /** A session is open and its prompt on the way. Without an id it is that of the process before. */
    opened(id = lastSession): AgentEvent[] {
      session = id
      return begin()
    },
    updated(update: Update): AgentEvent[] {
      if (!session) return [] // the history of a session that is being loaded
      const events = inTurn(update)
      return events ? [...begin(), ...events] : beside(update)
    },
    /** @param id of the tool call. */
    asks(id: string, question: string, about: string): AgentEvent[] {
      asked.add(id)
      return [...begin(), ...flush(), { type: 'waiting', for: 'permission', question, about }]
    },
    /** @param answer of the agent to the prompt, when it is no error. */
    ended(endingFor: (said: string) => Ending, answer?: Parameters<typeof usage.turnEnded>[0]): AgentEvent[] {
      const last = [...begin(), ...flush()]
      const ending = endingFor(said)
      running = false
      asked.clear()
      outcome = ending.outcome
      return [...last, ...(answer ? [usage.turnEnded(answer)] : []), ...ending.events]
    },
    /** Nothing was begun, or nothing of it counts any more. */
    came(of: Outcome | undefined): void {
      outcome = of
    },
    nextProcess(): void {
      lastSession = session ?? lastSession
      session = undefined
      running = false
      outcome = undefined
      pieces = ''
      asked.clear()
      calls.forget()
      usage.nextProcess()
    },
  }
}

const SIGNS: Record<string, string> = { completed: '✓', in_progress: '▸' }

const planText = (entries: readonly { content: string; status: string }[]): string =>
  `plan: ${entries.map(({ content, status }) => `${SIGNS[status] ?? '·'} ${content}`).join('; ')}`
