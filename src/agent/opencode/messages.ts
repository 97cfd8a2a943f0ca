import { z } from 'zod'
import type { Usage } from '../../task/task.ts'
import type { JsonMessage } from '../json-lines.ts'

/** The events of `opencode run --format json` (checked against 1.18.33), as plain facts. Each carries the session. */
export type Message =
  | { type: 'step-began'; session: string }
  | { type: 'said'; session: string; text: string }
  | {
      type: 'tool-called'
      session: string
      id: string
      name: string
      input: unknown
      ok: boolean
      refused: boolean
      durationMs?: number
    }
  | { type: 'step-ended'; session: string; reason: string; spent: Spent }
  | { type: 'error'; session: string; at: number; error: ServiceError }
  | { type: 'passed-over'; session: string }

export type Spent = Required<
  Pick<Usage, 'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'costUsd'>
>

export interface ServiceError {
  /** `APIError`, `ProviderAuthError`, `UnknownError` … */
  name: string
  message: string
  /** Status of the service's answer. */
  status?: number
  /** The service would have to be asked again later. */
  retryable: boolean
  /** Header `retry-after`, as it came. */
  retryAfter?: string
}

const session = z.string().min(1)
const begin = z.object({ sessionID: session })
const text = z.object({ sessionID: session, part: z.object({ text: z.string() }) })
const tool = z.object({
  sessionID: session,
  part: z.object({
    callID: z.string(),
    tool: z.string(),
    state: z.object({
      status: z.enum(['completed', 'error']),
      input: z.unknown(),
      error: z.string().default(''),
      /** A shell command that failed is `completed` all the same. */
      metadata: z.object({ exit: z.number().nullish() }).optional().catch(undefined),
      time: z.object({ start: z.number(), end: z.number() }).optional(),
    }),
  }),
})
const count = z.number().nonnegative().default(0)
const step = z.object({
  sessionID: session,
  part: z.object({
    reason: z.string(),
    cost: count,
    tokens: z.object({
      input: count,
      output: count,
      reasoning: count,
      cache: z.object({ read: count, write: count }).default({ read: 0, write: 0 }),
    }),
  }),
})
const error = z.object({
  sessionID: session,
  timestamp: z.number(),
  error: z.object({
    name: z.string(),
    data: z
      .object({
        message: z.string().optional(),
        statusCode: z.number().optional(),
        isRetryable: z.boolean().optional(),
        responseHeaders: z.record(z.string(), z.string()).optional().catch(undefined),
      })
      .optional(),
  }),
})

const REFUSED = /^The user (has specified a rule which prevents|rejected permission)/

const READERS: Record<string, (json: JsonMessage) => Message> = {
  step_start: (json) => ({ type: 'step-began', session: begin.parse(json).sessionID }),
  reasoning: (json) => ({ type: 'passed-over', session: begin.parse(json).sessionID }),
  text: (json) => {
    const { sessionID, part } = text.parse(json)
    return { type: 'said', session: sessionID, text: part.text }
  },
  tool_use: (json) => {
    const { sessionID, part } = tool.parse(json)
    const { status, input, error: why, metadata, time } = part.state
    return {
      type: 'tool-called',
      session: sessionID,
      id: part.callID,
      name: part.tool,
      input: input ?? {},
      ok: status === 'completed' && (metadata?.exit ?? 0) === 0,
      refused: REFUSED.test(why),
      ...(time && { durationMs: time.end - time.start }),
    }
  },
  step_finish: (json) => {
    const { sessionID, part } = step.parse(json)
    const { input, output, reasoning, cache } = part.tokens
    const spent = {
      inputTokens: input,
      outputTokens: output + reasoning,
      cacheReadTokens: cache.read,
      cacheWriteTokens: cache.write,
      costUsd: part.cost,
    }
    return { type: 'step-ended', session: sessionID, reason: part.reason, spent }
  },
  error: (json) => {
    const { sessionID, timestamp, error: it } = error.parse(json)
    const { message, statusCode, isRetryable = false, responseHeaders } = it.data ?? {}
    const retryAfter = responseHeaders?.['retry-after']
    return {
      type: 'error',
      session: sessionID,
      at: timestamp,
      error: {
        name: it.name,
        message: message ?? it.name,
        ...(statusCode !== undefined && { status: statusCode }),
        retryable: isRetryable,
        ...(retryAfter !== undefined && { retryAfter }),
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
