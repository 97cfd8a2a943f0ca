import type { AgentEvent } from '../../journal/journal.ts'
import { oneLine } from '../../text.ts'
import type { Outcome, OutputReader } from '../agent.ts'
import { brokenOff, statusWords } from '../exit-status.ts'
import { createJsonLines, type JsonMessage } from '../json-lines.ts'
import { createCalls } from './calls.ts'
import type { Fact, FactReader } from './facts.ts'

/**
 * Reads what the hooks of a terminal interface append to out.jsonl (hook.sh). A person may be at its keys at any time, so
 * that turns begin, end and break off in any order.
 * @param facts by the names of the hooks
 */
export function createHookReader(program: string, facts: Readonly<Record<string, FactReader>>): OutputReader {
  const calls = createCalls()
  /** Sessions of programs of the same kind that the agent itself has started with our settings. */
  let others = new Set<string>()
  let session: string | undefined
  let model: string | undefined
  let outcome: Outcome | undefined
  let turn: 'none' | 'begun' | 'over' = 'none'
  let asking = false
  let saidBefore = ''
  const words = createHandover()

  const understand = (fact: Fact, at: number, took: readonly string[]): AgentEvent[] => {
    if (SHOWS_READING.has(fact.type)) words.read()
    switch (fact.type) {
      case 'session':
        return began(fact)
      case 'prompted':
        if (fact.goesOn) words.read()
        return begin()
      case 'tool-begins':
        if (turn === 'over') outcome = undefined // another hook has made it go on
        turn = 'begun'
        calls.begin(fact, at)
        return []
      case 'tool-ends':
        asking = false
        return calls.end(fact, at)
      case 'asks':
        return ask(fact.about)
      case 'interrupted':
        return interrupted()
      case 'ended':
        return took.length > 0 ? handedOver(fact, took, at) : ended(fact)
      case 'failed':
        return failed(fact)
      case 'passed-over':
        return []
    }
  }
  const began = (fact: Extract<Fact, { type: 'session' }>): AgentEvent[] => {
    if (session !== undefined && session !== fact.session && fact.source === 'startup') {
      others.add(fact.session)
      return []
    }
    session = fact.session
    model = fact.model ?? model
    return []
  }
  const begin = (): AgentEvent[] => {
    outcome = undefined
    asking = false
    turn = 'begun'
    return [{ type: 'turn.started', ...(session && { session }), ...(model && { model }) }]
  }
  const ask = (about?: string): AgentEvent[] => {
    if (asking) return []
    asking = true
    return [{ type: 'waiting', for: 'permission', ...(about && { about: oneLine(about, 300) }) }]
  }
  const over = (): AgentEvent[] => {
    asking = false
    turn = 'over'
    return calls.unfinished()
  }
  const interrupted = (): AgentEvent[] => {
    outcome = undefined
    return [
      ...over(),
      { type: 'turn.ended', ok: false, error: 'the turn was interrupted' },
      { type: 'waiting', for: 'input' },
    ]
  }
  const handedOver = (fact: Ended, took: readonly string[], at: number): AgentEvent[] => {
    const text = newIn(fact)
    saidBefore = fact.text
    words.take(took)
    return [
      ...(text ? [{ type: 'message' as const, text }] : []),
      { type: 'words.read', words: [...took], at },
    ]
  }
  const newIn = ({ text, whole }: Ended): string =>
    whole && saidBefore && text.startsWith(saidBefore) ? text.slice(saidBefore.length).trimStart() : text
  const ended = (fact: Ended): AgentEvent[] => {
    const text = newIn(fact)
    saidBefore = ''
    outcome = {
      kind: 'reported',
      summary: oneLine(text, 2_000) || `${program} ended its turn without a word.`,
    }
    return [
      ...over(),
      ...(text ? [{ type: 'message' as const, text }] : []),
      { type: 'turn.ended', ok: true, text },
    ]
  }
  const failed = ({ error, kind, resetAt }: Extract<Fact, { type: 'failed' }>): AgentEvent[] => {
    const message = oneLine(error, 500)
    const back = resetAt === undefined ? {} : { resetAt }
    const code = kind === 'login' ? 'login-refused' : 'api-error'
    outcome =
      kind === 'quota'
        ? { kind, message, ...back }
        : { kind: 'failed', reason: { code, message }, ...(kind === 'login' && { final: true }) }
    return [
      ...over(),
      ...(kind === 'quota' ? [{ type: 'quota.hit' as const, ...back }] : []),
      { type: 'turn.ended', ok: false, error },
    ]
  }
  const left = (status: number, stderr?: string): Outcome =>
    turn === 'none'
      ? brokenOff(program, status, stderr)
      : {
          kind: 'failed',
          reason: {
            code: 'agent-failed',
            message: `${program} ended with ${statusWords(status)} before its turn was over`,
          },
        }

  return {
    line: createJsonLines({
      kindOf: ({ hook }) => `hook ${typeof hook === 'string' ? hook : 'without a name'}`,
      read: ({ hook, at, data, took }) => {
        const read = typeof hook === 'string' && Object.hasOwn(facts, hook) ? facts[hook] : undefined
        if (!read || !isObject(data)) return undefined
        if (typeof data.session_id === 'string' && others.has(data.session_id)) return []
        const fact = read(data)
        if (typeof data.session_id === 'string' && fact.type === 'prompted') session = data.session_id
        return understand(fact, typeof at === 'number' ? at : 0, idsOf(took))
      },
    }),
    outcome: (exit, stderr) => outcome ?? (exit && left(exit.status, stderr)),
    heard: words.heard,
    taken: words.taken,
    nextProcess: () => {
      words.nextProcess()
      saidBefore = ''
      others = new Set()
      session = undefined
      outcome = undefined
      turn = 'none'
      asking = false
      calls.unfinished()
    },
  }
}

type Ended = Extract<Fact, { type: 'ended' }>

/** After a hook has handed it words: the program has done something that comes of them. */
const SHOWS_READING = new Set<Fact['type']>(['tool-begins', 'asks', 'ended'])

/** The words that hooks have handed to the program. Those that it was ended before, or refused to read, are handed over again. */
function createHandover() {
  const heard = new Set<string>()
  let taken = new Set<string>()
  const read = () => {
    for (const id of taken) heard.add(id)
  }
  return {
    read,
    heard: (): ReadonlySet<string> => heard,
    taken: (): ReadonlySet<string> => taken,
    take(ids: readonly string[]) {
      taken = new Set([...taken, ...ids])
    },
    nextProcess() {
      taken = new Set()
    },
  }
}

const idsOf = (took: unknown): string[] =>
  Array.isArray(took) ? took.filter((id) => typeof id === 'string') : []

const isObject = (value: unknown): value is JsonMessage => typeof value === 'object' && value !== null
