import { z } from 'zod'
import type { JsonMessage } from '../json-lines.ts'

/** The events of `pi --mode json` (checked against 0.74.2) that Orch understands. */
export type PiMessage =
  | { type: 'session'; id: string }
  | { type: 'started' }
  | { type: 'answered'; at: number; texts: string[]; spent: Spent; error?: string }
  | { type: 'tool-started'; id: string; name: string; input: unknown }
  | { type: 'tool-ended'; id: string; name: string; ok: boolean }
  | { type: 'ended' }
  | { type: 'retry'; error: string; attempt: number; max: number }
  /** What comes again elsewhere, or is of no use to anybody. */
  | { type: 'passed-over' }

/** Of one answer of the model. */
export type Spent = z.infer<typeof usage>

const usage = z.object({
  input: z.number().default(0),
  output: z.number().default(0),
  cacheRead: z.number().default(0),
  cacheWrite: z.number().default(0),
  cost: z.object({ total: z.number().default(0) }).default({ total: 0 }),
})
const session = z.object({ id: z.string().min(1) })
const ended = z.object({ message: z.looseObject({ role: z.string() }) })
const answer = z.object({
  content: z.array(z.looseObject({ type: z.string() })),
  usage: usage.prefault({}),
  stopReason: z.string().default('stop'),
  errorMessage: z.string().optional(),
  timestamp: z.number().default(0),
})
const toolStarted = z.object({ toolCallId: z.string(), toolName: z.string(), args: z.unknown().optional() })
const toolEnded = z.object({
  toolCallId: z.string(),
  toolName: z.string(),
  isError: z.boolean().default(false),
})
const retry = z.object({
  attempt: z.number(),
  maxAttempts: z.number(),
  errorMessage: z.string().default('unknown'),
})

const PASSED_OVER = new Set([
  'turn_start',
  'turn_end',
  'message_start',
  'message_update',
  'tool_execution_update',
  'auto_retry_end',
  'compaction_start',
  'compaction_end',
  'queue_update',
  'session_info_changed',
  'thinking_level_changed',
])

/** One event; undefined for a kind that is not known. @throws ZodError at a shape that has changed */
export function parsePi(message: JsonMessage): PiMessage | undefined {
  switch (message.type) {
    case 'session':
      return { type: 'session', id: session.parse(message).id }
    case 'agent_start':
      return { type: 'started' }
    case 'message_end':
      return messageEnded(ended.parse(message).message)
    case 'tool_execution_start': {
      const { toolCallId: id, toolName: name, args: input } = toolStarted.parse(message)
      return { type: 'tool-started', id, name, input }
    }
    case 'tool_execution_end': {
      const { toolCallId: id, toolName: name, isError } = toolEnded.parse(message)
      return { type: 'tool-ended', id, name, ok: !isError }
    }
    case 'agent_end':
      return { type: 'ended' }
    case 'auto_retry_start': {
      const { attempt, maxAttempts: max, errorMessage: error } = retry.parse(message)
      return { type: 'retry', error, attempt, max }
    }
    default:
      return PASSED_OVER.has(String(message.type)) ? { type: 'passed-over' } : undefined
  }
}

function messageEnded(message: { role: string }): PiMessage {
  if (message.role !== 'assistant') return { type: 'passed-over' }
  const { content, usage: spent, stopReason, errorMessage, timestamp: at } = answer.parse(message)
  const texts = content.flatMap((it) => (it.type === 'text' && typeof it.text === 'string' ? [it.text] : []))
  const failed = stopReason === 'error' || stopReason === 'aborted'
  return { type: 'answered', at, texts, spent, ...(failed && { error: errorMessage ?? stopReason }) }
}
