import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import type { Outcome, OutputReader } from '../agent.ts'
import { createJsonLines, toolInput } from '../json-lines.ts'
import { type Message, messageOf, type Spent } from './messages.ts'
import { endedEarly, verdictOf } from './verdict.ts'

/** Reads what `gemini --output-format stream-json` prints. */
export function createGeminiReader(): OutputReader {
  const calls = new Map<string, { name: string; input: string; at: number }>()
  const ledger = createLedger()
  let init: Extract<Message, { type: 'init' }> | undefined
  let isTold = false
  let outcome: Outcome | undefined
  /** What the model says comes in pieces: they are one message as soon as something else comes. */
  let pieces: string[] = []
  let said = ''

  const begin = () => {
    init = undefined
    isTold = false
    outcome = undefined
    pieces = []
    said = ''
    calls.clear()
  }
  /** A session that the model has not answered in yet cannot be resumed: it is told with the first answer. */
  const started = (isAnswered: boolean): AgentEvent[] => {
    if (isTold || !init) return []
    isTold = true
    const { session, model } = init
    return [{ type: 'turn.started', ...(isAnswered && { session }), ...(model && { model }) }]
  }
  const spoken = (): AgentEvent[] => {
    const text = pieces.join('').trim()
    pieces = []
    if (!text) return []
    said = text
    return [{ type: 'message', text }]
  }
  const read = (message: Message): AgentEvent[] => {
    switch (message.type) {
      case 'init':
        begin()
        init = message
        return []
      case 'said':
        ledger.answer()
        pieces.push(message.text)
        return started(true)
      case 'tool-called':
        ledger.answer()
        calls.set(message.id, { name: message.name, input: toolInput(message.input), at: message.at })
        return [...started(true), ...spoken()]
      case 'tool-ended':
        ledger.answered()
        return [...spoken(), ...toolEnded(message)]
      case 'complaint':
        return [...spoken(), { type: 'note', text: message.text }]
      case 'result':
        return [...started(false), ...spoken(), ...ended(message)]
      case 'passed-over':
        return []
    }
  }
  const toolEnded = ({ id, ok, refused, at }: Extract<Message, { type: 'tool-ended' }>): AgentEvent[] => {
    const call = calls.get(id)
    calls.delete(id)
    const name = call?.name ?? 'unknown'
    const about = call && { input: call.input, ...(call.at && at && { durationMs: at - call.at }) }
    const called: AgentEvent = { type: 'tool.called', id, name, ...about, ok }
    return refused ? [called, { type: 'note', text: `permission was refused for ${name}` }] : [called]
  }
  const ended = ({ ok, error, at, spent }: Extract<Message, { type: 'result' }>): AgentEvent[] => {
    ledger.answered()
    const usage: AgentEvent = { type: 'usage', usage: ledger.add(spent) }
    if (ok) {
      outcome = { kind: 'reported', summary: oneLine(said, 2_000) || 'gemini ended its turn without a word.' }
      return [usage, { type: 'turn.ended', ok, text: said }]
    }
    outcome = verdictOf(error, at)
    const quota: AgentEvent[] =
      outcome.kind === 'quota'
        ? [{ type: 'quota.hit', ...(outcome.resetAt !== undefined && { resetAt: outcome.resetAt }) }]
        : []
    return [usage, ...quota, { type: 'turn.ended', ok, error: error || 'not told' }]
  }

  return {
    line: createJsonLines({
      read: (json) => {
        const message = messageOf(json)
        return message && read(message)
      },
    }),
    // It ends by itself soon after its result, and only then a further process can go on with the session.
    outcome: (exit, stderr) => exit && (outcome ?? endedEarly(exit.status, stderr, init !== undefined)),
    nextProcess: begin,
  }
}

/** Sums up what the processes of an attempt took: each tells only its own. */
function createLedger() {
  const sum: Spent = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0 }
  let turns = 0
  let answering = false
  return {
    /** The model answers: with words, or with calls of tools. */
    answer(): void {
      if (!answering) turns++
      answering = true
    },
    /** The answer is complete. */
    answered(): void {
      answering = false
    },
    add(spent: Spent) {
      sum.inputTokens += spent.inputTokens
      sum.outputTokens += spent.outputTokens
      sum.cacheReadTokens += spent.cacheReadTokens
      return { ...sum, turns }
    },
  }
}
