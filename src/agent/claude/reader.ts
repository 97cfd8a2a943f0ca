import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine, plainText } from '../../text.ts'
import type { Outcome, OutputReader } from '../agent.ts'
import { statusWords } from '../exit-status.ts'
import { createLedger } from './ledger.ts'
import { type Message, parseMessage, type ResultMessage } from './messages.ts'

/** Reads what `claude --output-format stream-json` prints. Unknown messages are passed over; broken lines become a note. */
export function createClaudeReader(): OutputReader {
  const calls = new Map<string, { name: string; input: string; at: number }>()
  const ledger = createLedger()
  /** What became of the messages that the program has read, by their ids. */
  const heard = new Map<string, string>()
  let result: ResultMessage | undefined

  const read = (message: Message): AgentEvent[] => {
    switch (message.type) {
      case 'init':
        result = undefined
        return [{ type: 'turn.started', session: message.session, model: message.model }]
      case 'retry':
        return [
          {
            type: 'note',
            text: `the model's service failed (${message.error}), try ${message.attempt} of ${message.max}`,
          },
        ]
      case 'said':
        for (const call of message.calls) calls.set(call.id, { ...call, at: message.at })
        return message.texts.map((text) => ({ type: 'message', text }))
      case 'tool-results':
        return message.results.map((done) => toolCalled(done.id, done.ok, message.at))
      case 'quota':
        return [{ type: 'quota.hit', ...(message.resetAt && { resetAt: message.resetAt }) }]
      case 'heard':
        heard.set(message.id, message.state)
        if (message.state === 'started') result = undefined
        return []
      case 'result':
        result = message
        return [{ type: 'usage', usage: ledger.add(message) }, ...ended(message)]
      case 'other':
        return []
    }
  }
  const toolCalled = (id: string, ok: boolean, at: number): AgentEvent => {
    const call = calls.get(id)
    calls.delete(id)
    const durationMs = call?.at && at ? { durationMs: at - call.at } : {}
    return {
      type: 'tool.called',
      id,
      name: call?.name ?? 'unknown',
      ...(call && { input: call.input }),
      ok,
      ...durationMs,
    }
  }

  return {
    line(line) {
      if (!line.trim()) return { events: [] }
      const message = parseMessage(line)
      if (!message)
        return {
          events: [{ type: 'note', text: `not understood: ${oneLine(line, 200)}` }],
          text: oneLine(line, 2_000),
        }
      const events = read(message)
      return { events, text: events.map(readable).filter(Boolean).join('\n') || undefined }
    },
    outcome: (exit, stderr) => {
      // queued_turn_count alone is not enough: it says 0 while messages wait.
      const goesOn = (result?.queued ?? 0) > 0 || [...heard.values()].includes('queued')
      return result && (!goesOn || exit) ? judge(result) : exit && brokenOff(exit.status, stderr)
    },
    heard: () => (heard.size > 0 ? heard.size - 1 : undefined),
  }
}

function ended(result: ResultMessage): AgentEvent[] {
  const events: AgentEvent[] = []
  if (result.denied.length > 0)
    events.push({ type: 'note', text: `permission was refused for ${result.denied.join(', ')}` })
  return [
    ...events,
    { type: 'turn.ended', ok: result.ok, ...(result.ok ? { text: result.text } : { error: result.text }) },
  ]
}

function judge(result: ResultMessage): Outcome {
  if (result.ok) return { kind: 'reported', summary: oneLine(result.text, 2_000) }
  return {
    kind: 'failed',
    reason: { code: codeOf(result), message: oneLine(result.text, 500) },
    ...(result.refused && { final: true }),
  }
}

const codeOf = ({ refused, apiError }: ResultMessage) =>
  refused ? 'login-refused' : apiError ? 'api-error' : 'agent-failed'

function brokenOff(status: number, stderr = ''): Outcome {
  const said = plainText(stderr).trim()
  const message = `claude ended with ${statusWords(status)} and gave no result${said ? `:\n${said}` : ''}`
  return { kind: 'failed', reason: { code: 'no-result', message } }
}

function readable(event: AgentEvent): string {
  switch (event.type) {
    case 'message':
      return plainText(event.text)
    case 'tool.called':
      return `● ${event.name} ${oneLine(event.input ?? '', 160)} ${event.ok ? '✓' : '✗'}`
    case 'note':
      return `! ${oneLine(event.text, 300)}`
    case 'quota.hit':
      return '! the quota of the account is used up'
    case 'turn.ended':
      return event.ok ? '' : `✗ ${oneLine(event.error ?? '', 500)}`
    default:
      return ''
  }
}
