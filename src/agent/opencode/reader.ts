import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine, plainText } from '../../text.ts'
import type { Heard, Outcome, OutputReader } from '../agent.ts'
import { brokenOff } from '../exit-status.ts'
import { createJsonLines, readable, toolInput } from '../json-lines.ts'
import { type Complaint, complaintOf } from './complaints.ts'
import { type Message, messageOf, type Spent } from './messages.ts'
import { pauseOf, verdictOf } from './verdict.ts'

/** Reads what `opencode run --format json --print-logs` prints, its log among it. */
export function createOpencodeReader(): OutputReader {
  const ledger = createLedger()
  let turn = newTurn()

  const read = (message: Message): AgentEvent[] => [...began(message.session), ...meaning(message)]
  /** There is no event for the start of a turn: the first that names the session is it. */
  const began = (session: string): AgentEvent[] => {
    if (turn.began) return []
    turn.began = true
    return [{ type: 'turn.started', session }]
  }
  const meaning = (message: Message): AgentEvent[] => {
    switch (message.type) {
      case 'said':
        turn.said = message.text.trim()
        return turn.said ? [{ type: 'message', text: turn.said }] : []
      case 'tool-called':
        return toolCalled(message)
      case 'step-ended':
        return [
          { type: 'usage', usage: ledger.add(message.spent) },
          ...(GOES_ON.has(message.reason) ? [] : end(message.reason)),
        ]
      case 'error':
        return fail(verdictOf(message.error, message.at, turn.cause), turn.cause ?? message.error.message)
      default:
        return []
    }
  }
  const end = (reason: string): AgentEvent[] => {
    if (reason !== 'stop') {
      const error = `the model ended its answer: ${oneLine(reason, 100)}`
      return fail({ kind: 'failed', reason: { code: 'agent-failed', message: error } }, error)
    }
    const summary = oneLine(turn.said, 2_000) || 'opencode ended its turn without a word.'
    turn.outcome = { kind: 'reported', summary }
    return [{ type: 'turn.ended', ok: true, text: turn.said }]
  }
  const fail = (outcome: Outcome, error: string): AgentEvent[] => {
    turn.outcome = outcome
    return [...quotaHit(outcome), { type: 'turn.ended', ok: false, error }]
  }
  const complain = (complaint: Complaint): AgentEvent[] => {
    switch (complaint.type) {
      case 'service':
        turn.pause = pauseOf(complaint.error, complaint.at)
        return [
          ...(complaint.session ? began(complaint.session) : []),
          ...(turn.pause
            ? quotaHit(turn.pause)
            : [note(`the model's service failed: ${oneLine(complaint.error, 300)}`)]),
        ]
      case 'cause':
        turn.cause = complaint.error
        return []
      case 'refused':
        return [note(`permission was refused: ${oneLine(complaint.about, 300)}`)]
      case 'session-gone':
        turn.sessionGone = true
        return [note('the session is not there any more')]
      case 'passed-over':
        return []
    }
  }
  const lines = createJsonLines({
    read: (json) => {
      const message = messageOf(json)
      if (!message) return undefined
      // An answer came after all: it does not wait any more.
      turn.pause = undefined
      if (turn.outcome && message.type === 'step-began') turn = newTurn()
      return read(message)
    },
  })
  return {
    line(line) {
      const complaint = complaintOf(line)
      if (complaint) return told(complain(complaint))
      if (!line.startsWith('{') && line.trim()) turn.words = oneLine(line, 500)
      return lines(line)
    },
    outcome: (exit, stderr) =>
      exit ? (turn.outcome ?? turn.pause ?? broken(turn, exit.status, stderr)) : turn.pause,
    nextProcess: () => {
      turn = newTurn()
    },
  }
}

/** A step that ends so is followed by another. */
const GOES_ON = new Set(['tool-calls', 'unknown'])

interface Turn {
  began: boolean
  said: string
  outcome?: Outcome
  /** It waits for a quota, in silence. */
  pause?: Outcome
  /** What the log said was the cause of an error. */
  cause?: string
  sessionGone: boolean
  /** The last that it said beside its events. */
  words: string
}
const newTurn = (): Turn => ({ began: false, said: '', sessionGone: false, words: '' })

function broken(turn: Turn, status: number, stderr?: string): Outcome {
  const ended = brokenOff('opencode', status, plainText(stderr ?? '').trim() || turn.words)
  if (!turn.sessionGone || ended.kind !== 'failed') return ended
  return { kind: 'failed', reason: { code: 'session-gone', message: 'opencode does not know the session' } }
}

const quotaHit = (outcome: Outcome): AgentEvent[] =>
  outcome.kind === 'quota'
    ? [{ type: 'quota.hit', ...(outcome.resetAt !== undefined && { resetAt: outcome.resetAt }) }]
    : []

function toolCalled(call: Extract<Message, { type: 'tool-called' }>): AgentEvent[] {
  const { id, name, ok, durationMs } = call
  const input = toolInput(call.input)
  const called: AgentEvent = {
    type: 'tool.called',
    id,
    name,
    input,
    ok,
    ...(durationMs !== undefined && { durationMs }),
  }
  return call.refused ? [called, note(`permission was refused for ${name}`)] : [called]
}

/** Each step tells what it took. */
function createLedger() {
  const sum: Spent = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, costUsd: 0 }
  let turns = 0
  return {
    add(spent: Spent) {
      turns++
      for (const key of Object.keys(sum) as (keyof Spent)[]) sum[key] += spent[key]
      return { ...sum, turns }
    },
  }
}

const note = (text: string): AgentEvent => ({ type: 'note', text })

const told = (events: AgentEvent[]): Heard => {
  const text = events.map(readable).filter(Boolean).join('\n')
  return { events, ...(text && { text }) }
}
