import type { AgentEvent } from '../../journal/journal.ts'
import { toolInput } from '../json-lines.ts'
import type { Fact, ToolCall } from './facts.ts'

interface Begun {
  id: string
  name: string
  input: string
  at: number
}

/** The calls of tools that have begun and not ended. Not every program names them, and some ends never come. */
export function createCalls() {
  let begun: Begun[] = []
  let counted = 0
  const told = new Set<string>()
  const idOf = (call: ToolCall) => call.id ?? `${call.name ?? 'tool'}-${++counted}`
  const take = (call: ToolCall): Begun | undefined => {
    const found = call.id
      ? begun.find(({ id }) => id === call.id)
      : (begun.find((it) => it.name === call.name && it.input === textOf(call)) ??
        begun.find((it) => it.name === call.name))
    begun = begun.filter((it) => it !== found)
    return found
  }
  return {
    begin(call: ToolCall, at: number): void {
      begun.push({ id: idOf(call), name: call.name ?? 'unknown', input: textOf(call), at })
    },
    end(call: Extract<Fact, { type: 'tool-ends' }>, at: number): AgentEvent[] {
      if (call.id && told.has(call.id)) return [] // it was still running when the turn ended
      const start = take(call)
      const name = call.name ?? start?.name ?? 'unknown'
      const input = start?.input ?? textOf(call)
      const durationMs = call.durationMs ?? (start?.at && at ? Math.max(0, at - start.at) : undefined)
      return [
        {
          type: 'tool.called',
          id: start?.id ?? idOf(call),
          name,
          ...(input && { input }),
          ...(call.ok !== undefined && { ok: call.ok }),
          ...(durationMs !== undefined && { durationMs }),
        },
      ]
    },
    /** Those whose end nothing told, when their turn is over. */
    unfinished(): AgentEvent[] {
      const left = begun
      begun = []
      for (const { id } of left) told.add(id)
      return left.map(({ id, name, input }) => ({
        type: 'tool.called',
        id,
        name,
        ...(input && { input }),
      }))
    },
  }
}

const textOf = ({ input }: ToolCall): string => (input === undefined ? '' : toolInput(input))
