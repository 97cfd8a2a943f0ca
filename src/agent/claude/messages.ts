import { z } from 'zod'
import type { Usage } from '../../task/task.ts'
import { type JsonMessage, toolInput } from '../json-lines.ts'

/** The messages of Claude Code's stream-json output that Orch understands, as plain facts. */
export type Message =
  | { type: 'init'; session: string; model: string }
  | { type: 'retry'; error: string; attempt: number; max: number }
  | { type: 'said'; at: number; texts: string[]; calls: { id: string; name: string; input: string }[] }
  | { type: 'tool-results'; at: number; results: { id: string; ok: boolean }[] }
  | { type: 'quota'; resetAt?: number }
  /** A tool call that was refused, because nobody can be asked. */
  | { type: 'refused'; tool: string; why: string }
  /** It asks for a permission; nothing else that it may ask on this way is offered. */
  | { type: 'asks'; question: string; about?: string }
  /** A user message was read (`queued`), then taken up (`started`), then dealt with; told of messages that have a uuid. */
  | { type: 'heard'; id: string; state: string }
  | ResultMessage
  /** Nothing that Orch needs. */
  | { type: 'other' }

export interface ResultMessage {
  type: 'result'
  ok: boolean
  apiError: boolean
  /** The service refused the login: trying again is of no use. */
  refused: boolean
  /** The account's quota is used up. */
  quota: boolean
  /** When it comes back, where the text tells it. */
  resetAt?: number
  sessionGone: boolean
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
  session_id: z.string(),
  model: z.string().default(''),
})
const retry = z.object({
  attempt: z.number(),
  max_retries: z.number(),
  error: z.string().default('unknown'),
  error_status: z.number().nullish(),
})
const block = z.looseObject({ type: z.string() })
const assistant = z.object({
  timestamp,
  message: z.object({ content: z.array(block) }),
})
const user = z.object({
  timestamp,
  message: z.object({ content: z.union([z.string(), z.array(block)]) }),
})
const quota = z.object({
  rate_limit_info: z.object({ status: z.string(), resetsAt: z.number().optional() }),
})
const denied = z.object({ tool_name: z.string(), message: z.string().default('') })
const control = z.object({
  request_id: z.string(),
  request: z.object({
    subtype: z.string(),
    tool_name: z.string().default(''),
    input: z.unknown().optional(),
  }),
})
const heard = z.object({
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
/** Only what decides has to have its shape: an end that is not understood would never come again. */
const result = z.object({
  is_error: z.boolean().default(false),
  subtype: z.string().default('success'),
  terminal_reason: z.string().optional().catch(undefined),
  api_error_status: z.number().nullish().catch(undefined),
  result: z.string().default('').catch(''),
  errors: z.array(z.string()).optional().catch(undefined),
  queued_turn_count: z.number().default(0).catch(0),
  num_turns: z.number().default(0).catch(0),
  total_cost_usd: z.number().optional().catch(undefined),
  modelUsage: perModel.default({}).catch({}),
  model_usage_since_last_result: perModel.optional().catch(undefined),
  permission_denials: z
    .array(z.looseObject({ tool_name: z.string().optional() }))
    .default([])
    .catch([]),
})

/**
 * A JSON object as a message; undefined for a kind that is not known.
 * @throws when a kind that is known has another shape.
 */
export function readMessage(json: JsonMessage): Message | undefined {
  const kind = kindOf(json)
  return (READERS[kind] ?? READERS[`${json.type}`])?.(json)
}

/** `system` messages are told apart by their subtype. */
export const kindOf = ({ type, subtype }: JsonMessage): string =>
  type === 'system' ? `system/${subtype}` : String(type)

type Read = (json: unknown) => Message
const reading =
  <T>(schema: z.ZodType<T>, make: (value: T) => Message): Read =>
  (json) =>
    make(schema.parse(json))
const passedOver: Read = () => ({ type: 'other' })

const READERS: Record<string, Read | undefined> = {
  'system/init': reading(init, (it) => ({ type: 'init', session: it.session_id, model: it.model })),
  'system/api_retry': reading(retry, (it) => ({
    type: 'retry',
    error: `${it.error_status ?? ''} ${it.error}`.trim(),
    attempt: it.attempt,
    max: it.max_retries,
  })),
  'system/permission_denied': reading(denied, (it) => ({
    type: 'refused',
    tool: it.tool_name,
    why: it.message,
  })),
  assistant: reading(assistant, (it) => ({
    type: 'said',
    at: it.timestamp,
    ...contentOf(it.message.content),
  })),
  user: reading(user, ({ timestamp: at, message: { content } }) =>
    typeof content === 'string' ? { type: 'other' } : toolResults(at, content),
  ),
  rate_limit_event: reading(quota, ({ rate_limit_info: { status, resetsAt } }) =>
    status === 'rejected'
      ? { type: 'quota', ...(resetsAt && { resetAt: resetsAt * 1_000 }) }
      : { type: 'other' },
  ),
  command_lifecycle: reading(heard, (it) => ({ type: 'heard', id: it.command_uuid, state: it.state })),
  control_request: reading(control, ({ request_id: question, request }) => ({
    type: 'asks',
    question,
    ...(request.subtype === 'can_use_tool' && { about: aboutOf(request) }),
  })),
  result: reading(result, resultOf),
  control_response: passedOver,
  control_cancel_request: passedOver,
  stream_event: passedOver,
  'system/vcs_state_changed': passedOver,
  'system/status': passedOver,
  'system/compact_boundary': passedOver,
  'system/hook_started': passedOver,
  'system/hook_response': passedOver,
}

type Block = z.infer<typeof block>
const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value ?? ''))

function contentOf(content: Block[]) {
  const texts = content.filter((it) => it.type === 'text').map((it) => text(it.text))
  const calls = content
    .filter((it) => it.type === 'tool_use')
    .map((it) => ({ id: text(it.id), name: text(it.name), input: toolInput(it.input) }))
  return { texts, calls }
}

const aboutOf = ({ tool_name, input }: { tool_name: string; input?: unknown }) =>
  `${tool_name}: ${toolInput(input)}`

function toolResults(at: number, content: Block[]): Message {
  const results = content
    .filter((it) => it.type === 'tool_result')
    .map((it) => ({ id: text(it.tool_use_id), ok: it.is_error !== true }))
  return { type: 'tool-results', at, results }
}

/** In older versions the time stands behind a bar: `Claude AI usage limit reached|1795245078`. */
const QUOTA = /usage limit reached(?:\|(\d{10}))?|hit your limit/i

function textOf({ result: text, errors, subtype, terminal_reason }: z.infer<typeof result>): string {
  if (terminal_reason?.startsWith('aborted')) return 'the turn was interrupted'
  return text || errors?.join('; ') || subtype
}

function resultOf(it: z.infer<typeof result>): ResultMessage {
  const [, resetAt] = QUOTA.exec(it.result) ?? []
  const latest = it.model_usage_since_last_result
  return {
    type: 'result',
    // A dead API is told as subtype "success": only is_error and terminal_reason say the truth.
    ok: !it.is_error && it.subtype === 'success' && it.terminal_reason !== 'api_error',
    refused: it.api_error_status === 401 || it.api_error_status === 403,
    quota: it.is_error && (it.api_error_status === 429 || QUOTA.test(it.result)),
    ...(resetAt && { resetAt: Number(resetAt) * 1_000 }),
    sessionGone: it.errors?.some((error) => error.startsWith('No conversation found')) ?? false,
    apiError: it.terminal_reason === 'api_error' || typeof it.api_error_status === 'number',
    text: textOf(it),
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
