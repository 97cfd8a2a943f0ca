import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import type { Outcome, OutputReader } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'
import { createJsonLines, toolInput } from '../json-lines.ts'
import { waitIn } from '../reset-time.ts'
import { createPiLedger } from './ledger.ts'
import { type PiMessage, parsePi } from './messages.ts'

interface Answer {
  text: string
  error?: string
  /** When it was given, ms. */
  at: number
}

/**
 * Reads what `pi --mode json` prints. After `agent_end` it may begin again by itself (a service that failed), and says
 * nothing when it does not: only its exit tells that a turn has ended for good.
 */
export function createPiReader(): OutputReader {
  const calls = new Map<string, unknown>()
  const ledger = createPiLedger()
  let session: string | undefined
  let answer: Answer = { text: '', at: 0 }
  let end: Answer | undefined

  const read = (message: PiMessage): AgentEvent[] => {
    switch (message.type) {
      case 'session':
        session = message.id
        end = undefined
        return []
      case 'started':
        answer = { text: '', at: 0 }
        end = undefined
        return [{ type: 'turn.started', ...(session && { session }) }]
      case 'answered':
        answer = { text: message.texts.join('\n') || answer.text, error: message.error, at: message.at }
        ledger.add(message.spent)
        return message.texts.map((text) => ({ type: 'message', text }))
      case 'tool-started':
        calls.set(message.id, message.input)
        return []
      case 'tool-ended':
        return [toolCalled(message)]
      case 'retry':
        end = undefined
        return [{ type: 'note', text: retryWords(message) }]
      case 'ended':
        end = answer
        return [{ type: 'usage', usage: ledger.total() }, ...ended(answer)]
      case 'passed-over':
        return []
    }
  }
  const toolCalled = ({ id, name, ok }: PiMessage & { type: 'tool-ended' }): AgentEvent => {
    const input = calls.get(id)
    calls.delete(id)
    return { type: 'tool.called', id, name, ...(input !== undefined && { input: toolInput(input) }), ok }
  }
  const ended = (it: Answer): AgentEvent[] => {
    const { error, text } = it
    if (error === undefined) return [{ type: 'turn.ended', ok: true, text }]
    return [
      ...(meansQuota(error) ? [{ type: 'quota.hit' as const, ...resetOf(it) }] : []),
      { type: 'turn.ended', ok: false, error },
    ]
  }
  const understand = createJsonLines({
    read: (json) => {
      const message = parsePi(json)
      return message && read(message)
    },
  })

  return {
    // Each word of an answer comes with the whole answer so far, twice: not worth parsing.
    line: (line) => (line.startsWith('{"type":"message_update"') ? { events: [] } : understand(line)),
    nextProcess: () => {
      end = undefined
    },
    outcome: (exit, stderr) => exit && (end ? judge(end) : unfinished(exit.status, stderr)),
  }
}

const retryWords = ({ error, attempt, max }: PiMessage & { type: 'retry' }) =>
  `the model's service failed (${oneLine(error, 300)}), try ${attempt} of ${max}`

const meansQuota = (error: string) => /\b429\b|rate.?limit|quota|usage limit/i.test(error)
const meansLogin = (error: string) => /\b40[13]\b|\bapi key\b|unauthori[sz]ed/i.test(error)

/** When a quota is there again, ms; it tells at most how long to wait, in the words of the service. */
function resetOf({ error = '', at }: Answer): { resetAt?: number } {
  const wait = at ? waitIn(error) : undefined
  return wait ? { resetAt: at + wait } : {}
}

function judge(answer: Answer): Outcome {
  const { error, text } = answer
  if (error === undefined) return { kind: 'reported', summary: oneLine(text, 2_000) }
  const message = oneLine(error, 500)
  if (meansQuota(error)) return { kind: 'quota', message, ...resetOf(answer) }
  const refused = meansLogin(error)
  return {
    kind: 'failed',
    reason: { code: refused ? 'login-refused' : 'api-error', message },
    ...(refused && { final: true }),
  }
}

function unfinished(status: number, stderr = ''): Outcome {
  const outcome = brokenOff('pi', status, stderr)
  if (outcome.kind !== 'failed') return outcome
  if (/^No session found/m.test(stderr))
    return { kind: 'failed', reason: { ...outcome.reason, code: 'session-gone' } }
  if (/^No API key found/m.test(stderr))
    return { kind: 'failed', final: true, reason: { ...outcome.reason, code: 'login-refused' } }
  return outcome
}
