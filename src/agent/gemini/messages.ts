import { z } from 'zod'
import type { Usage } from '../../task/task.ts'
import type { JsonMessage } from '../json-lines.ts'

/** The events of `gemini --output-format stream-json` (checked against 0.61.0), as plain facts. */
export type Message =
  | { type: 'init'; session: string; model?: string }
  /** A piece of what the model says. */
  | { type: 'said'; text: string }
  | { type: 'tool-called'; id: string; name: string; input: unknown; at: number }
  | { type: 'tool-ended'; id: string; ok: boolean; refused: boolean; at: number }
  | { type: 'complaint'; text: string }
  | { type: 'result'; ok: boolean; error: string; at: number; spent: Spent }
  | { type: 'passed-over' }

export type Spent = Pick<Usage, 'inputTokens' | 'outputTokens' | 'cacheReadTokens'>

const timestamp = z.string().transform((text) => Date.parse(text) || 0)
const init = z.object({ session_id: z.string().min(1), model: z.string().optional() })
const message = z.object({ role: z.string(), content: z.string() })
const toolUse = z.object({ timestamp, tool_id: z.string(), tool_name: z.string(), parameters: z.unknown() })
const toolResult = z.object({
  timestamp,
  tool_id: z.string(),
  status: z.enum(['success', 'error']),
  error: z.object({ type: z.string().optional() }).optional(),
})
const error = z.object({ severity: z.string().default('error'), message: z.string() })
const count = z.number().nonnegative().default(0)
const result = z.object({
  timestamp,
  status: z.enum(['success', 'error']),
  error: z.object({ message: z.string() }).optional(),
  /** `input` is without what came from the cache, `input_tokens` with it. */
  stats: z.object({ input: count, output_tokens: count, cached: count }).optional(),
})

const READERS: Record<string, (json: JsonMessage) => Message> = {
  init: (json) => {
    const { session_id, model } = init.parse(json)
    return { type: 'init', session: session_id, ...(model && { model }) }
  },
  message: (json) => {
    const { role, content } = message.parse(json)
    return role === 'assistant' ? { type: 'said', text: content } : { type: 'passed-over' }
  },
  tool_use: (json) => {
    const it = toolUse.parse(json)
    return {
      type: 'tool-called',
      id: it.tool_id,
      name: it.tool_name,
      input: it.parameters ?? {},
      at: it.timestamp,
    }
  },
  tool_result: (json) => {
    const it = toolResult.parse(json)
    const refused = it.error?.type === 'policy_violation'
    return { type: 'tool-ended', id: it.tool_id, ok: it.status === 'success', refused, at: it.timestamp }
  },
  error: (json) => {
    const { severity, message: text } = error.parse(json)
    return { type: 'complaint', text: `${severity}: ${text}` }
  },
  result: (json) => {
    const it = result.parse(json)
    return {
      type: 'result',
      ok: it.status === 'success',
      error: it.error?.message ?? '',
      at: it.timestamp,
      spent: {
        inputTokens: it.stats?.input ?? 0,
        outputTokens: it.stats?.output_tokens ?? 0,
        cacheReadTokens: it.stats?.cached ?? 0,
      },
    }
  },
}

/** @returns undefined for an event that is not known. @throws ZodError for one of a changed shape */
export function messageOf(json: JsonMessage): Message | undefined {
  return typeof json.type === 'string' && Object.hasOwn(READERS, json.type)
    ? READERS[json.type]?.(json)
    : undefined
}
