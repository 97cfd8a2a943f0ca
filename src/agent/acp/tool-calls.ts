import type { AgentEvent } from '../../journal/journal.ts'
import { toolInput } from '../json-lines.ts'
import type { ToolCallUpdate } from './messages.ts'

/** Puts the pieces together in which an agent tells its tool calls; each becomes one event when it has ended. */
export function createToolCalls() {
  const open = new Map<string, ToolCallUpdate>()
  /** Told already: an agent that loads a session tells its history again, some even after they said it was loaded. */
  const told = new Set<string>()
  return {
    /** What is known of the call that a permission is asked for: agents tell only a part of it there. */
    known: (update: ToolCallUpdate): ToolCallUpdate => merge(open.get(update.toolCallId), update),
    take(update: ToolCallUpdate): AgentEvent[] {
      const id = update.toolCallId
      if (told.has(id)) return []
      const call = merge(open.get(id), update)
      open.set(id, call)
      if (update.status !== 'completed' && update.status !== 'failed') return []
      open.delete(id)
      told.add(id)
      return [
        {
          type: 'tool.called',
          id,
          name: nameOf(call),
          input: inputOf(call),
          ok: update.status === 'completed',
        },
      ]
    },
    /** A new process: nobody will tell how the calls of the one before ended. */
    forget: () => open.clear(),
  }
}

/** `null` and what is absent leave the field as it was. The first title stays: it is the tool's name for some. */
function merge(before: ToolCallUpdate | undefined, update: ToolCallUpdate): ToolCallUpdate {
  if (!before) return update
  return {
    toolCallId: update.toolCallId,
    name: update.name ?? before.name,
    kind: update.kind ?? before.kind,
    status: update.status ?? before.status,
    title: before.title ?? update.title,
    rawInput: update.rawInput ?? before.rawInput,
    locations: update.locations ?? before.locations,
  }
}

/** The protocol has a name for programs only lately: else a title of one word, else the kind. */
function nameOf({ name, title, kind }: ToolCallUpdate): string {
  if (name) return name
  if (title && /^[\w.:-]+$/.test(title)) return title
  return (kind && kind !== 'other' ? kind : title) || 'unknown'
}

function inputOf({ rawInput, title, locations }: ToolCallUpdate): string {
  const empty = rawInput === undefined || rawInput === null || JSON.stringify(rawInput) === '{}'
  return empty ? (title ?? locations?.[0]?.path ?? '') : toolInput(rawInput)
}
