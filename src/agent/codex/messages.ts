import { z } from 'zod'
import type { JsonMessage } from '../json-lines.ts'

/** The events of `codex exec --json` (checked against 0.169.0; the shapes are those of its own `exec_events`). */
export type CodexMessage =
  | { type: 'thread'; id: string }
  | { type: 'turn-started' }
  | { type: 'turn-completed'; usage?: CodexUsage }
  | { type: 'failed'; message: string }
  /** Not the end yet: it says so again with `failed` when it gives up. */
  | { type: 'trouble'; message: string }
  | { type: 'said'; text: string }
  | { type: 'tool'; id: string; name: string; input: unknown; ok: boolean; declined: boolean }
  /** Of no use to anybody: thoughts, plans, tools that only begin. */
  | { type: 'passed-over' }

/** Of the whole thread so far, also of processes before this one. */
export type CodexUsage = z.infer<typeof usage>

const usage = z.object({
  input_tokens: z.number(),
  cached_input_tokens: z.number().default(0),
  cache_write_input_tokens: z.number().default(0),
  output_tokens: z.number(),
})
const thread = z.object({ thread_id: z.string().min(1) })
const completed = z.object({ usage: usage.optional() })
const failed = z.object({ error: z.object({ message: z.string() }) })
const trouble = z.object({ message: z.string() })
const item = z.object({ item: z.looseObject({ id: z.string().default(''), type: z.string() }) })

const status = z.string().default('completed')
const command = z.object({ command: z.string(), exit_code: z.number().nullish(), status })
const change = z.object({
  changes: z.array(z.object({ path: z.string(), kind: z.string().default('') })),
  status,
})
const mcpCall = z.object({ server: z.string(), tool: z.string(), arguments: z.unknown().optional(), status })
const search = z.object({ query: z.string().default('') })
const collab = z.object({ tool: z.string(), prompt: z.string().nullish(), status })
const said = z.object({ text: z.string() })

/** One event; undefined for a kind that is not known. @throws ZodError at a shape that has changed */
export function parseCodex(message: JsonMessage): CodexMessage | undefined {
  switch (message.type) {
    case 'thread.started':
      return { type: 'thread', id: thread.parse(message).thread_id }
    case 'turn.started':
      return { type: 'turn-started' }
    case 'turn.completed':
      return { type: 'turn-completed', ...completed.parse(message) }
    case 'turn.failed':
      return { type: 'failed', message: failed.parse(message).error.message }
    case 'error':
      return { type: 'trouble', message: trouble.parse(message).message }
    case 'item.started':
    case 'item.updated':
      return { type: 'passed-over' }
    case 'item.completed':
      return parseItem(item.parse(message).item)
    default:
      return undefined
  }
}

function parseItem(it: z.infer<typeof item>['item']): CodexMessage | undefined {
  switch (it.type) {
    case 'agent_message':
      return { type: 'said', text: said.parse(it).text }
    case 'command_execution': {
      const { command: input, status, exit_code } = command.parse(it)
      return tool(it.id, 'shell', unwrapped(input), status, exit_code ?? 0)
    }
    case 'file_change': {
      const { changes, status } = change.parse(it)
      return tool(
        it.id,
        'apply_patch',
        changes.map(({ kind, path }) => `${kind} ${path}`.trim()).join(', '),
        status,
      )
    }
    case 'mcp_tool_call': {
      const { server, tool: name, arguments: input, status } = mcpCall.parse(it)
      return tool(it.id, `${server}.${name}`, input, status)
    }
    case 'collab_tool_call': {
      const { tool: name, prompt, status } = collab.parse(it)
      return tool(it.id, name, prompt ?? '', status)
    }
    case 'web_search':
      return tool(it.id, 'web_search', search.parse(it).query, 'completed')
    case 'error':
      return { type: 'trouble', message: trouble.parse(it).message }
    case 'reasoning':
    case 'todo_list':
      return { type: 'passed-over' }
    default:
      return undefined
  }
}

function tool(id: string, name: string, input: unknown, status: string, exitCode = 0): CodexMessage {
  const ok = status === 'completed' && exitCode === 0
  return { type: 'tool', id, name, input, ok, declined: status === 'declined' }
}

/** Commands come as `/bin/bash -lc "…"`; what people want to read is in the quotes. */
function unwrapped(text: string): string {
  const inner = /^\S*sh -l?c (['"])([\s\S]*)\1$/.exec(text)
  if (!inner) return text
  return inner[1] === '"' ? (inner[2] ?? '').replace(/\\(["\\$`])/g, '$1') : (inner[2] ?? '')
}
