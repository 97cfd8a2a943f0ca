import { z } from 'zod'
import type { Usage } from '../../task/task.ts'

/** The messages of Claude Code's stream-json output that Orch understands, as plain facts. */
export type Message =
  | { type: 'init'; session: string; model: string }
  | { type: 'retry'; error: string; attempt: number; max: number }
  | { type: 'said'; at: number; texts: string[]; calls: { id: string; name: string; input: string }[] }
  | { type: 'tool-results'; at: number; results: { id: string; ok: boolean }[] }
  | { type: 'quota'; resetAt?: number }
  /** A user message was read (`queued`), then taken up (`started`), then dealt with; told of messages that have a uuid. */
  | { type: 'heard'; id: string; state: string }
  | ResultMessage
  | { type: 'other' }

export interface ResultMessage {
  type: 'result'
  ok: boolean
  apiError: boolean
  /** The service refused the login: trying again is of no use. */
  refused: boolean
  text: string
  /** Turns that wait in the program for their start. */
  queued: number
  denied: string[]
  turns: number
  /** All of the session so far; `/clear` sets it back. */
  session: Spent
  /** Since the result before; absent when the program does not tell. */
  latest?: Spent
}

/** What a model's work took. */
export type Spent = Pick<
  Usage,
  'inputTokens' | 'outputTokens' | 'cacheReadTokens' | 'cacheWriteTokens' | 'costUsd'
>

const timestamp = z
  .string()
  .optional()
  .transform((text) => (text ? Date.parse(text) || 0 : 0))
const init = z.object({
  type: z.literal('system'),
  subtype: z.literal('init'),
  session_id: z.string(),
  model: z.string().default(''),
})
const retry = z.object({
  type: z.literal('system'),
  subtype: z.literal('api_retry'),
  attempt: z.number(),
  max_retries: z.number(),
  error: z.string().default('unknown'),
  error_status: z.number().nullish(),
})
const block = z.looseObject({ type: z.string() })
const assistant = z.object({
  type: z.literal('assistant'),
  timestamp,
  message: z.object({ content: z.array(block) }),
})
const user = z.object({
  type: z.literal('user'),
  timestamp,
  message: z.object({ content: z.union([z.string(), z.array(block)]) }),
})
const quota = z.object({
  type: z.literal('rate_limit_event'),
  rate_limit_info: z.object({ status: z.string(), resetsAt: z.number().optional() }),
})
const heard = z.object({
  type: z.literal('command_lifecycle'),
  command_uuid: z.string(),
  state: z.string(),
})
const tokens = z.object({
  inputTokens: z.number().default(0),
  outputTokens: z.number().default(0),
  cacheReadInputTokens: z.number().default(0),
  cacheCreationInputTokens: z.number().default(0),
  costUSD: z.number().default(0),
})
const perModel = z.record(z.string(), tokens)
const result = z.object({
  type: z.literal('result'),
  is_error: z.boolean().default(false),
  subtype: z.string().default('success'),
  terminal_reason: z.string().optional(),
  api_error_status: z.number().nullish(),
  result: z.string().default(''),
  errors: z.array(z.string()).optional(),
  queued_turn_count: z.number().default(0),
  num_turns: z.number().default(0),
  total_cost_usd: z.number().optional(),
  modelUsage: perModel.default({}),
  model_usage_since_last_result: perModel.optional(),
  permission_denials: z.array(z.looseObject({ tool_name: z.string().optional() })).default([]),
})

/** One line as a message; `other` for what is not needed; undefined for what is not JSON or not an object. */
export function parseMessage(line: string): Message | undefined {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof json !== 'object' || json === null || !('type' in json)) return undefined
  for (const read of READERS) {
    const message = read(json)
    if (message) return message
  }
  return { type: 'other' }
}

type Read = (json: unknown) => Message | undefined
const reading =
  <T>(schema: z.ZodType<T>, make: (value: T) => Message | undefined): Read =>
  (json) => {
    const parsed = schema.safeParse(json)
    return parsed.success ? make(parsed.data) : undefined
  }

const READERS: Read[] = [
  reading(init, (it) => ({ type: 'init', session: it.session_id, model: it.model })),
  reading(retry, (it) => ({
    type: 'retry',
    error: `${it.error_status ?? ''} ${it.error}`.trim(),
    attempt: it.attempt,
    max: it.max_retries,
  })),
  reading(assistant, (it) => ({ type: 'said', at: it.timestamp, ...contentOf(it.message.content) })),
  reading(user, (it) =>
    typeof it.message.content === 'string' ? undefined : toolResults(it.timestamp, it.message.content),
  ),
  reading(quota, (it) =>
    it.rate_limit_info.status === 'rejected' ? quotaOf(it.rate_limit_info.resetsAt) : undefined,
  ),
  reading(heard, (it) => ({ type: 'heard', id: it.command_uuid, state: it.state })),
  reading(result, resultOf),
]

type Block = z.infer<typeof block>
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''))

function contentOf(content: Block[]) {
  const texts = content.filter((it) => it.type === 'text').map((it) => text(it.text))
  const calls = content
    .filter((it) => it.type === 'tool_use')
    .map((it) => ({ id: text(it.id), name: text(it.name), input: toolInput(it.input) }))
  return { texts, calls }
}

/** What a tool was asked, short: a shell command or a path says more than the whole JSON. */
function toolInput(input: unknown): string {
  const fields = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>
  return text(fields.command ?? fields.file_path ?? fields.path ?? input).slice(0, 1_000)
}

function toolResults(at: number, content: Block[]): Message {
  const results = content
    .filter((it) => it.type === 'tool_result')
    .map((it) => ({ id: text(it.tool_use_id), ok: it.is_error !== true }))
  return { type: 'tool-results', at, results }
}

const quotaOf = (resetsAt?: number): Message => ({
  type: 'quota',
  ...(resetsAt && { resetAt: resetsAt * 1_000 }),
})

function resultOf(it: z.infer<typeof result>): ResultMessage {
  const latest = it.model_usage_since_last_result
  return {
    type: 'result',
    // A dead API is told as subtype "success": only is_error and terminal_reason say the truth.
    ok: !it.is_error && it.subtype === 'success' && it.terminal_reason !== 'api_error',
    refused: it.api_error_status === 401 || it.api_error_status === 403,
    apiError: it.terminal_reason === 'api_error' || typeof it.api_error_status === 'number',
    text: it.result || it.errors?.join('; ') || it.subtype,
    queued: it.queued_turn_count,
    denied: it.permission_denials.flatMap((denial) => denial.tool_name ?? []),
    turns: it.num_turns,
    session: { ...spent(it.modelUsage), costUsd: it.total_cost_usd },
    ...(latest && { latest: spent(latest) }),
  }
}

function spent(usage: z.infer<typeof perModel>): Spent {
  const models = Object.values(usage)
  const sum = (key: keyof z.infer<typeof tokens>) => models.reduce((total, model) => total + model[key], 0)
  return {
    inputTokens: sum('inputTokens'),
    outputTokens: sum('outputTokens'),
    cacheReadTokens: sum('cacheReadInputTokens'),
    cacheWriteTokens: sum('cacheCreationInputTokens'),
    costUsd: sum('costUSD'),
  }
}
