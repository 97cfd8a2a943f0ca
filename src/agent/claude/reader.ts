import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import { type Heard, type Outcome, type OutputReader, REFUSED } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'
import { createJsonLines, type JsonMessage } from '../json-lines.ts'
import { notOffered } from './control.ts'
import { createLedger } from './ledger.ts'
import { kindOf, type Message, type ResultMessage, readMessage } from './messages.ts'
import { isPrompt } from './user-message.ts'

/** Reads what `claude --output-format stream-json` prints. */
export function createClaudeReader(): OutputReader {
  const calls = new Map<string, { name: string; input: string; at: number }>()
  const ledger = createLedger()
  /** What became of the messages that the program has read, by their ids. */
  const heard = new Map<string, string>()
  let tells = false
  let result: ResultMessage | undefined
  /** Since the turn began. */
  let quota: { resetAt?: number } | undefined
  let refused: string[] = []

  const understand = (message: Message): AgentEvent[] | Heard => {
    switch (message.type) {
      case 'init':
        begin()
        return [{ type: 'turn.started', session: message.session, model: message.model }]
      case 'retry':
        return [retried(message)]
      case 'said':
        for (const call of message.calls) calls.set(call.id, { ...call, at: message.at })
        return message.texts.map((text) => ({ type: 'message', text }))
      case 'tool-results':
        return message.results.map((done) => toolCalled(done.id, done.ok, message.at))
      case 'quota':
        return quotaHit(message.resetAt)
      case 'refused':
        refused.push(message.tool)
        return [{ type: 'note', text: `${REFUSED} ${message.tool}: ${message.why}` }]
      case 'asks':
        return asked(message)
      case 'heard':
        tells = true
        heard.set(message.id, message.state)
        if (message.state === 'started') begin()
        return []
      case 'result':
        return ended(message)
      case 'other':
        return []
    }
  }
  const begin = () => {
    result = undefined
    quota = undefined
    refused = []
  }
  const quotaHit = (resetAt?: number): AgentEvent[] => {
    const known = quota !== undefined
    quota ??= resetAt ? { resetAt } : {}
    return known ? [] : [{ type: 'quota.hit', ...quota }]
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
  const ended = (message: ResultMessage): AgentEvent[] => {
    result = message
    const usage: AgentEvent = { type: 'usage', usage: ledger.add(message) }
    const silent = message.denied.filter((tool) => !refused.includes(tool))
    const { ok, text } = message
    return [
      usage,
      ...(message.quota ? quotaHit(message.resetAt) : []),
      ...(silent.length > 0 ? [{ type: 'note' as const, text: `${REFUSED} ${silent.join(', ')}` }] : []),
      { type: 'turn.ended', ok, ...(ok ? { text } : { error: text }) },
    ]
  }
  const outcomeOf = (message: ResultMessage): Outcome => {
    const text = oneLine(message.text, 500)
    if (message.ok) return { kind: 'reported', summary: oneLine(message.text, 2_000) }
    if (quota) return { kind: 'quota', ...quota, message: text }
    const reason = { code: codeOf(message), message: text }
    return { kind: 'failed', reason, ...(message.refused && { final: true }) }
  }

  return {
    line: createJsonLines({ kindOf, read: (json: JsonMessage) => meaning(readMessage(json), understand) }),
    outcome: (exit, stderr) => {
      // queued_turn_count alone is not enough: it says 0 while messages wait.
      const goesOn = (result?.queued ?? 0) > 0 || [...heard.values()].includes('queued')
      return result && (!goesOn || exit)
        ? outcomeOf(result)
        : exit && brokenOff('claude', exit.status, stderr)
    },
    heard: () =>
      tells
        ? new Set([...heard].flatMap(([id, state]) => (isPrompt(id) || state === 'queued' ? [] : [id])))
        : undefined,
    nextProcess() {
      begin()
      calls.clear()
      ledger.nextProcess()
      // What waited in the program that ended was never read by its model.
      for (const [id, state] of heard) if (state === 'queued') heard.delete(id)
    },
  }
}

const meaning = <T>(message: Message | undefined, understand: (message: Message) => T): T | undefined =>
  message && understand(message)

const retried = ({ error, attempt, max }: Message & { type: 'retry' }): AgentEvent => ({
  type: 'note',
  text: `the model's service failed (${error}), try ${attempt} of ${max}`,
})

/** Whatever else it asks would wait for an answer for ever. */
function asked({ question, about }: Message & { type: 'asks' }): Heard {
  if (about !== undefined)
    return { events: [{ type: 'waiting', for: 'permission', question, about: oneLine(about, 300) }] }
  return { events: [], replies: [{ id: `control-${question}`, text: notOffered(question) }] }
}

const codeOf = ({ refused, apiError, sessionGone }: ResultMessage) =>
  refused ? 'login-refused' : sessionGone ? 'session-gone' : apiError ? 'api-error' : 'agent-failed'
