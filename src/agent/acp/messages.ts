import { z } from 'zod'

/** What an ACP agent writes: JSON-RPC 2.0, one message a line. Only what Orch uses is looked at, and loosely. */
export type Incoming =
  | { type: 'request'; id: RpcId; method: string; params: unknown }
  | { type: 'notification'; method: string; params: unknown }
  | { type: 'result'; id: RpcId; result: unknown }
  | { type: 'error'; id: RpcId; error: RpcError }

export type RpcId = string | number | null
export interface RpcError {
  code: number
  message: string
  /** Of `data`, as text; empty when there is none. */
  details: string
}

const rpcId = z.union([z.string(), z.number(), z.null()])
const envelope = z.object({
  id: rpcId.optional(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z
    .object({ code: z.number().default(0), message: z.string().default(''), data: z.unknown().optional() })
    .optional(),
})

/** A JSON object as a message; undefined for what is none. */
export function readIncoming(json: unknown): Incoming | undefined {
  const { id, method, params, result, error } = envelope.safeParse(json).data ?? {}
  if (method !== undefined)
    return id === undefined
      ? { type: 'notification', method, params }
      : { type: 'request', id, method, params }
  if (id === undefined) return undefined
  if (!error) return result === undefined ? undefined : { type: 'result', id, result }
  const { code, message } = error
  return { type: 'error', id, error: { code, message, details: detailsOf(error.data) } }
}

const detailsOf = (data: unknown): string =>
  data === undefined || data === null ? '' : typeof data === 'string' ? data : JSON.stringify(data)

const text = z.string().nullish()
const toolCall = z.object({
  toolCallId: z.string(),
  title: text,
  name: text,
  kind: text,
  status: text,
  rawInput: z.unknown().optional(),
  locations: z.array(z.object({ path: z.string() })).nullish(),
})
export type ToolCallUpdate = z.infer<typeof toolCall>

const chunk = z.object({
  content: z.looseObject({ type: z.string(), text: z.string().optional() }),
  messageId: text,
})
const update = z.discriminatedUnion('sessionUpdate', [
  chunk.extend({ sessionUpdate: z.literal('agent_message_chunk') }),
  chunk.extend({ sessionUpdate: z.literal('agent_thought_chunk') }),
  toolCall.extend({ sessionUpdate: z.literal('tool_call') }),
  toolCall.extend({ sessionUpdate: z.literal('tool_call_update') }),
  z.object({
    sessionUpdate: z.literal('plan'),
    entries: z.array(z.object({ content: z.string(), status: z.string().default('pending') })),
  }),
  z.object({ sessionUpdate: z.literal('current_mode_update'), currentModeId: z.string() }),
  z.object({
    sessionUpdate: z.literal('usage_update'),
    cost: z.object({ amount: z.number(), currency: z.string() }).nullish(),
  }),
  z.object({ sessionUpdate: z.literal('user_message_chunk') }),
  z.object({ sessionUpdate: z.literal('passed-over') }),
  z.object({ sessionUpdate: z.literal('notice'), severity: z.string().default('info'), title: z.string() }),
])
export type Update = z.infer<typeof update>

/** What says nothing that Orch needs. */
const PASSED_OVER = [
  'available_commands_update',
  'config_option_update',
  'session_info_update',
  'compaction_update',
  'compaction_summary_chunk',
]

/** `session/update`; undefined for a kind that is not known. @throws when one that is known has another shape. */
export function parseUpdate(params: unknown): Update | undefined {
  const { sessionUpdate } = named.parse(params).update
  if (PASSED_OVER.includes(sessionUpdate)) return { sessionUpdate: 'passed-over' }
  const known = update.options.some((it) => it.shape.sessionUpdate.value === sessionUpdate)
  return known ? z.object({ update }).parse(params).update : undefined
}
const named = z.object({ update: z.looseObject({ sessionUpdate: z.string() }) })

const permissionRequest = z.object({
  toolCall,
  options: z.array(z.object({ optionId: z.string(), kind: z.string() })),
})
export type PermissionRequest = z.infer<typeof permissionRequest>
export const parsePermission = (params: unknown): PermissionRequest | undefined =>
  permissionRequest.safeParse(params).data

const initialized = z.object({
  protocolVersion: z.number(),
  agentCapabilities: z
    .object({
      loadSession: z.boolean().default(false),
      mcpCapabilities: z.object({ http: z.boolean().default(false) }).nullish(),
      sessionCapabilities: z.object({ resume: z.unknown().optional() }).nullish(),
    })
    .nullish(),
})
/** What the agent can do; undefined when its answer is no such thing. */
export function parseInitialized(result: unknown) {
  const data = initialized.safeParse(result).data
  const can = data?.agentCapabilities
  return (
    data && {
      version: data.protocolVersion,
      loads: can?.loadSession ?? false,
      resumes: (can?.sessionCapabilities?.resume ?? null) !== null,
      mcpOverHttp: can?.mcpCapabilities?.http ?? false,
    }
  )
}

const count = z.number().nullish()
const ended = z.object({
  stopReason: z.string(),
  usage: z
    .object({ inputTokens: count, outputTokens: count, cachedReadTokens: count, cachedWriteTokens: count })
    .nullish(),
  _meta: z
    .object({
      // Gemini CLI tells it here.
      quota: z
        .object({ token_count: z.object({ input_tokens: count, output_tokens: count }).nullish() })
        .nullish(),
    })
    .nullish(),
})
/** How the agent answers a prompt; undefined when its answer is no such thing. */
export const parseEnded = (result: unknown) => ended.safeParse(result).data
export type Ended = Omit<z.infer<typeof ended>, 'stopReason'>
