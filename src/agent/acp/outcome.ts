import { z } from 'zod'
import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import type { Outcome } from '../agent.ts'
import type { RpcError } from './messages.ts'

/** How a turn ended: the event that tells it, and what came of the attempt. */
export interface Ending {
  events: AgentEvent[]
  outcome: Outcome
}

const STOPS: Record<string, string> = {
  max_tokens: 'the agent came to the end of its tokens',
  max_turn_requests: 'the agent came to the end of its requests for one turn',
  refusal: 'the agent refuses to go on',
  cancelled: 'the turn was interrupted',
}

/** @param said the last message of the turn. */
export function endingOf(stopReason: string, said: string): Ending {
  if (stopReason === 'end_turn')
    return {
      events: [{ type: 'turn.ended', ok: true, text: said }],
      outcome: { kind: 'reported', summary: oneLine(said, 2_000) || 'The agent ended its turn.' },
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

function textOf({ message, details }: RpcError): string {
  const plain = ofGoogle(message) ?? message
  return details && !plain.includes(details) ? `${plain}: ${details}` : plain
}

/** Gemini CLI hands on what its service said as it came. */
function ofGoogle(message: string): string | undefined {
  try {
    return z.object({ error: z.object({ message: z.string() }) }).safeParse(JSON.parse(message)).data?.error
      .message
  } catch {
    return undefined
  }
}

export type Failed = Extract<Outcome, { kind: 'failed' }>
export const failed = (code: string, message: string): Failed => ({
  kind: 'failed',
  reason: { code, message: oneLine(message, 500) },
})
