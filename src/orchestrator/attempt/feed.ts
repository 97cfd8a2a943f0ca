import type { Heard, OutputReader, Reply } from '../../agent/agent.ts'
import { toOrchError } from '../../errors.ts'
import type { AgentEvent, NewEvent } from '../../journal/journal.ts'
import type { Usage } from '../../task/task.ts'
import type { Held } from './held.ts'
import { tells } from './place.ts'
import { ownUsage } from './session-usage.ts'

/** Takes over what an agent prints: events into the journal, readable text into its log, each byte exactly once. */
export interface Feed {
  /** Reads on, at most one piece. Undefined when there is nothing new; empty when only a part of a line came. */
  take(): Promise<AgentEvent[] | undefined>
  /** The rest without a line end, when nothing more will come. */
  finish(): Promise<AgentEvent[]>
  /** Bytes of output seen. */
  bytes(): number
  /** The process of the attempt whose output was read last, from 1. */
  turn(): number
  /** Whether a turn of that process has begun: then it has read its prompt. */
  hasBegun(): boolean
  usage(): Usage
  /** The program's own conversation, as it told it last. */
  session(): string | undefined
  /** When something was read last, in ms since the epoch; when the feed was opened at the latest. */
  lastAt(): number
  /** What the agent was at when this feed was opened: the last event that tells it, if there is one. */
  heard: readonly AgentEvent[]
}

const PIECE = 256 * 1024
/** A line longer than this is cut: no message of an agent program is this long, but a flood may be. */
const LONGEST_LINE = 16 * 1024 * 1024

export async function openFeed(held: Held, reader: OutputReader): Promise<Feed> {
  const { parts, task, attempt, fence } = held
  const { directories, store, clock } = parts
  const lines = createLineSplitter()
  const hear = createEar(reader)
  const own = ownUsage(held)
  let position = 0
  let log = attempt.cursor.log
  let { usage, session } = attempt
  let heard: AgentEvent[] = []
  let lastAt = clock.now()

  const read = async () => {
    const piece = await directories.read(attempt.agent, position, PIECE)
    position += piece.length
    return piece
  }
  const reply = async (replies: readonly Reply[]) => {
    for (const one of replies) await sendReply(one)
  }
  // Who has just ended waits for nothing: what came of it is told by its end.
  const sendReply = (one: Reply) =>
    directories.reply(attempt.agent, one).catch((error) => {
      if (toOrchError(error).code !== 'E_CANNOT_HEAR') throw error
    })
  const isThere = async () => {
    const { state, turn } = await directories.status(attempt.agent)
    return state === 'running' && turn === hear.turn()
  }
  // The reader of a new daemon hears everything again, so that it knows what its predecessor knew; nothing is written twice.
  while (position < attempt.cursor.out) {
    const length = Math.min(PIECE, attempt.cursor.out - position)
    const piece = await directories.read(attempt.agent, position, length)
    if (piece.length === 0) break
    position += piece.length
    for (const line of lines.push(piece)) {
      const last = hear(line).events.findLast(tells)
      if (last) heard = [last]
    }
  }
  const owed = position > 0 ? (reader.owed?.() ?? []) : []
  if (owed.length > 0 && (await isThere())) await reply(owed)

  const ingest = async (ready: string[]): Promise<AgentEvent[]> => {
    const said = ready.map(hear)
    const told = said.flatMap((it) => it.events)
    session = sessionOf(told) ?? session
    const events = await own(told, session)
    usage = events.reduce(addUsage, usage)
    const text = said.flatMap((it) => (it.text === undefined ? [] : `${it.text}\n`)).join('')
    log = await directories.appendLog(attempt.agent, log, text)
    const cursor = { out: position - lines.pending(), log }
    await store.tasks.progress(fence, {
      events: events.map(entry),
      attempt: { cursor, usage, ...(session && { session }) },
    })
    await reply(said.flatMap((it) => it.replies ?? []))
    return events
  }
  const entry = ({ type, ...data }: AgentEvent): NewEvent => {
    return {
      type,
      at: clock.now(),
      runId: task.runId,
      taskId: task.id,
      epoch: fence.epoch,
      agent: attempt.agent,
      data,
    }
  }

  return {
    heard,
    bytes: () => position,
    turn: () => hear.turn(),
    hasBegun: () => hear.hasBegun(),
    usage: () => usage,
    session: () => session,
    lastAt: () => lastAt,
    async take() {
      const piece = await read()
      if (piece.length === 0) return undefined
      lastAt = clock.now()
      const ready = lines.push(piece)
      return ready.length > 0 ? await ingest(ready) : []
    },
    async finish() {
      const rest = lines.rest()
      return rest ? await ingest([rest]) : []
    },
  }
}

/** What the shim prints before the output of a further process. */
const MARKER = /^\{"orch":"turn","turn":(\d+)\}$/

/** The reader, with the shim's own lines taken out. */
function createEar(reader: OutputReader) {
  let turn = 1
  let begun = false
  const hear = (line: string): Heard => {
    const marker = MARKER.exec(line)
    if (marker) {
      turn = Number(marker[1])
      begun = false
      reader.nextProcess()
      return { events: [] }
    }
    const heard = reader.line(line)
    begun ||= heard.events.some(({ type }) => type === 'turn.started')
    return heard
  }
  return Object.assign(hear, { turn: () => turn, hasBegun: () => begun })
}

function addUsage(usage: Usage, event: AgentEvent): Usage {
  if (event.type === 'usage') return { ...usage, ...event.usage }
  if (event.type === 'tool.called') return { ...usage, toolCalls: usage.toolCalls + 1 }
  return usage
}

const sessionOf = (events: readonly AgentEvent[]): string | undefined =>
  events.flatMap((event) => (event.type === 'turn.started' ? (event.session ?? []) : [])).at(-1)

/** Splits bytes into whole lines; never splits a character. */
export function createLineSplitter(longest = LONGEST_LINE) {
  let held: Buffer[] = []
  let size = 0
  const join = () => {
    const whole = Buffer.concat(held)
    held = []
    size = 0
    return whole
  }
  const hold = (piece: Buffer) => {
    if (piece.length === 0) return
    held.push(piece)
    size += piece.length
  }
  return {
    push(piece: Buffer): string[] {
      const last = piece.lastIndexOf(10)
      if (last < 0) {
        hold(piece)
        return size > longest ? [join().toString('utf8')] : []
      }
      hold(piece.subarray(0, last))
      const whole = join().toString('utf8')
      hold(piece.subarray(last + 1))
      return whole.split('\n')
    },
    pending: () => size,
    rest: () => join().toString('utf8'),
  }
}
