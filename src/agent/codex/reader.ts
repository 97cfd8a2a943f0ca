import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import { type Outcome, type OutputReader, REFUSED } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'
import { createJsonLines, toolInput } from '../json-lines.ts'
import { type CodexMessage, type CodexUsage, parseCodex } from './messages.ts'
import { meansLogin, meansQuota, resetOf } from './quota.ts'

type End = { ok: true; text: string } | { ok: false; error: string; resetAt?: number }

/**
 * Reads what `codex exec --json` prints. One process is one turn and ends by itself, so that the outcome waits for its
 * exit: until then it may still be writing down its session.
 * @param now ms; a quota is told as a time of today
 */
export function createCodexReader(now: () => number): OutputReader {
  let session: string | undefined
  let processes = 0
  let turns = 0
  let last = ''
  let end: End | undefined

  const read = (message: CodexMessage): AgentEvent[] => {
    switch (message.type) {
      case 'thread':
        session = message.id
        processes++
        end = undefined
        last = ''
        return []
      case 'turn-started':
        end = undefined
        return [{ type: 'turn.started', ...(session && { session }) }]
      case 'said':
        last = message.text
        return [{ type: 'message', text: message.text }]
      case 'tool':
        return toolCalled(message)
      case 'trouble':
        return [{ type: 'note', text: message.message }]
      case 'turn-completed':
        turns++
        end = { ok: true, text: last }
        return [...usageOf(message.usage, turns), { type: 'turn.ended', ok: true, text: last }]
      case 'failed':
        return failed(message.message)
      case 'passed-over':
        return []
    }
  }
  const toolCalled = ({ id, name, input, ok, declined }: CodexMessage & { type: 'tool' }): AgentEvent[] => [
    // Item numbers begin anew in each process.
    { type: 'tool.called', id: `${processes}.${id}`, name, input: toolInput(input), ok },
    ...(declined ? [{ type: 'note' as const, text: `${REFUSED} ${name}` }] : []),
  ]
  const failed = (error: string): AgentEvent[] => {
    const quota = meansQuota(error)
    const resetAt = quota ? resetOf(error, now()) : undefined
    end = { ok: false, error, ...(resetAt && { resetAt }) }
    return [
      ...(quota ? [{ type: 'quota.hit' as const, ...(resetAt && { resetAt }) }] : []),
      { type: 'turn.ended', ok: false, error },
    ]
  }

  return {
    line: createJsonLines({
      read: (json) => {
        const message = parseCodex(json)
        return message && read(message)
      },
      kindOf: ({ type, item }) => kind(type, item),
    }),
    nextProcess: () => {
      end = undefined
    },
    outcome: (exit, stderr) => exit && (end ? judge(end) : unfinished(exit.status, stderr)),
  }
}

const kind = (type: unknown, item: unknown) => {
  const inner = typeof item === 'object' && item !== null && 'type' in item ? ` ${item.type}` : ''
  return typeof type === 'string' ? `${type}${inner}` : 'without a type'
}

function usageOf(usage: CodexUsage | undefined, turns: number): AgentEvent[] {
  if (!usage) return []
  const { input_tokens, cached_input_tokens, cache_write_input_tokens, output_tokens } = usage
  return [
    {
      type: 'usage',
      usage: {
        inputTokens: Math.max(0, input_tokens - cached_input_tokens - cache_write_input_tokens),
        outputTokens: output_tokens,
        cacheReadTokens: cached_input_tokens,
        cacheWriteTokens: cache_write_input_tokens,
        turns,
      },
    },
  ]
}

function judge(end: End): Outcome {
  if (end.ok) return { kind: 'reported', summary: oneLine(end.text, 2_000) }
  const message = oneLine(end.error, 500)
  if (meansQuota(end.error)) return { kind: 'quota', message, ...(end.resetAt && { resetAt: end.resetAt }) }
  const refused = meansLogin(end.error)
  return {
    kind: 'failed',
    reason: { code: refused ? 'login-refused' : 'api-error', message },
    ...(refused && { final: true }),
  }
}

function unfinished(status: number, stderr?: string): Outcome {
  const outcome = brokenOff('codex', status, stderr)
  return outcome.kind === 'failed' && /thread\/resume failed|no rollout found/.test(stderr ?? '')
    ? { kind: 'failed', reason: { ...outcome.reason, code: 'session-gone' } }
    : outcome
}
