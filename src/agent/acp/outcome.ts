import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import type { Outcome } from '../agent.ts'
import type { RpcError } from './messages.ts'

/** How a turn ended: the event that tells it, and what came of the attempt. */
export interface Ending {
  events: AgentEvent[]
  /** Absent when a person ended the turn: the agent waits for what it is told next. */
  outcome?: Outcome
}

const STOPS: Record<string, string> = {
  max_tokens: 'the agent came to the end of its tokens',
  max_turn_requests: 'the agent came to the end of its requests for one turn',
  refusal: 'the agent refuses to go on',
}

/** @param said the last message of the turn. */
export function endingOf(stopReason: string, said: string): Ending {
  if (stopReason === 'end_turn')
    return {
      events: [{ type: 'turn.ended', ok: true, text: said }],
      outcome: { kind: 'reported', summary: oneLine(said, 2_000) || 'The agent ended its turn.' },
    }
  if (stopReason === 'cancelled')
    return {
      events: [
        { type: 'turn.ended', ok: false, error: 'interrupted' },
        { type: 'waiting', for: 'input' },
      ],
    }
  const error = STOPS[stopReason] ?? `the agent stopped: ${oneLine(stopReason, 100)}`
  return {
    events: [{ type: 'turn.ended', ok: false, error }],
    outcome: failed('agent-failed', error),
  }
}

export function endingOfError(error: RpcError): Ending {
  const message = oneLine(textOf(error), 500) || `error ${error.code}`
  const outcome = outcomeOfError(error, message)
  const quota: AgentEvent[] = outcome.kind === 'quota' ? [{ type: 'quota.hit' }] : []
  return { events: [...quota, { type: 'turn.ended', ok: false, error: message }], outcome }
}

/** `Authentication required` in the protocol's own numbers; others take those of HTTP. */
const LOGIN = [-32_000, 401, 403]
const QUOTA = /\b(quota|usage limit|rate.?limit(ed)?|429|too many requests)\b/i
const SERVICE = /\b(5\d\d|overloaded|ECONNREFUSED|ECONNRESET|ETIMEDOUT|fetch failed|API error)\b/i

function outcomeOfError(error: RpcError, message: string): Outcome {
  if (LOGIN.includes(error.code)) return { ...failed('login-refused', message), final: true }
  if (error.code === 429 || QUOTA.test(message)) return { kind: 'quota', message }
  const service = (error.code >= 500 && error.code < 600) || SERVICE.test(message)
  return failed(service ? 'api-error' : 'agent-failed', message)
}

const textOf = ({ message, details }: RpcError) =>
  details && !message.includes(details) ? `${message}: ${details}` : message

export type Failed = Extract<Outcome, { kind: 'failed' }>
export const failed = (code: string, message: string): Failed => ({
  kind: 'failed',
  reason: { code, message: oneLine(message, 500) },
})
