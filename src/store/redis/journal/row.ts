import type { EventType, JournalEvent, NewEvent } from '../../../journal/journal.ts'

/** An event as the scripts take it (`append` in lua/base.ts) and as the stream gives it back. */
export type EventRow = [
  type: string,
  at: number,
  runId: string,
  taskId: string,
  epoch: string,
  agent: string,
  data: string,
]

export function eventRow({ type, at, runId, taskId, epoch, agent, data }: NewEvent): EventRow {
  const number = epoch === undefined ? '' : String(epoch)
  return [type, at, runId ?? '', taskId ?? '', number, agent ?? '', data ? JSON.stringify(data) : '']
}

/** From an entry of the stream: its id (`SEQ-0`) and its fields, name and value in turn. */
export function eventOf(id: string, fields: readonly string[]): JournalEvent {
  const row: Record<string, string> = {}
  for (let at = 0; at < fields.length; at += 2) row[fields[at] ?? ''] = fields[at + 1] ?? ''
  return {
    seq: Number.parseInt(id, 10),
    type: row.type as EventType,
    at: Number(row.at),
    ...(row.run && { runId: row.run as JournalEvent['runId'] & string }),
    ...(row.task && { taskId: row.task as JournalEvent['taskId'] & string }),
    ...(row.epoch && { epoch: Number(row.epoch) }),
    ...(row.agent && { agent: row.agent }),
    ...(row.data && { data: JSON.parse(row.data) as Record<string, unknown> }),
  }
}
