import type { OutputReader } from '../agent/agent.ts'
import type { AgentEvent, NewEvent } from '../journal/journal.ts'
import type { Attempt, Fence, Task, Usage } from '../task/task.ts'
import type { Parts } from './parts.ts'

/** Takes over what an agent prints: events into the journal, readable text into its log, each byte exactly once. */
export interface Feed {
  /** Reads on, at most one piece. False when there is nothing new; true also when only a part of a line came. */
  take(): Promise<AgentEvent[] | undefined>
  /** The rest without a line end, when nothing more will come. */
  finish(): Promise<AgentEvent[]>
  /** Bytes of output seen. */
  bytes(): number
  /** What the agent was at when this feed was opened: the last event that tells it, if there is one. */
  heard: readonly AgentEvent[]
}

const PIECE = 256 * 1024
/** A line longer than this is cut: no message of an agent program is this long, but a flood may be. */
const LONGEST_LINE = 16 * 1024 * 1024

export async function openFeed(
  parts: Parts,
  task: Task,
  attempt: Attempt,
  fence: Fence,
  reader: OutputReader,
): Promise<Feed> {
  const { directories, store, clock } = parts
  const lines = createLineSplitter()
  let position = 0
  let log = attempt.cursor.log
  let usage = attempt.usage
  let heard: AgentEvent[] = []

  const read = async () => {
    const piece = await directories.read(attempt.agent, position, PIECE)
    position += piece.length
    return piece
  }
  // The reader of a new daemon hears everything again, so that it knows what its predecessor knew; nothing is written twice.
  while (position < attempt.cursor.out) {
    const piece = await directories.read(
      attempt.agent,
      position,
      Math.min(PIECE, attempt.cursor.out - position),
    )
    if (piece.length === 0) break
    position += piece.length
    for (const line of lines.push(piece)) heard = significant(reader.line(line).events) ?? heard
  }

  const ingest = async (ready: string[]): Promise<AgentEvent[]> => {
    const read = ready.map((line) => reader.line(line))
    const events = read.flatMap((it) => it.events)
    usage = events.reduce(addUsage, usage)
    const text = read.flatMap((it) => (it.text === undefined ? [] : `${it.text}\n`)).join('')
    log = await directories.appendLog(attempt.agent, log, text)
    const cursor = { out: position - lines.pending(), log }
    await store.tasks.progress(fence, {
      events: events.map(entry),
      attempt: { cursor, usage, ...sessionOf(events) },
    })
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
    async take() {
      const piece = await read()
      if (piece.length === 0) return undefined
      const ready = lines.push(piece)
      return ready.length > 0 ? await ingest(ready) : []
    },
    async finish() {
      const rest = lines.rest()
      return rest ? await ingest([rest]) : []
    },
  }
}

/** The last event that tells what the agent is at, if there is one. */
export function significant(events: readonly AgentEvent[]): [AgentEvent] | undefined {
  const last = events.findLast((event) => event.type !== 'usage' && event.type !== 'note')
  return last && [last]
}

function addUsage(usage: Usage, event: AgentEvent): Usage {
  if (event.type === 'usage') return { ...usage, ...event.usage }
  if (event.type === 'tool.called') return { ...usage, toolCalls: usage.toolCalls + 1 }
  return usage
}

function sessionOf(events: AgentEvent[]): { session?: string } {
  const session = events.findLast((event) => event.type === 'turn.started')?.session
  return session ? { session } : {}
}

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
