import { z } from 'zod'
import { type JsonMessage, toolInput } from '../json-lines.ts'

/** What a hook tells, in the few words that all programs with hooks share. */
export type Fact =
  /** `source`: `startup`, or how one session follows another in the same program (`clear`, `resume`, `compact`). */
  | { type: 'session'; session: string; source?: string; model?: string }
  /** `goesOn`: with what a hook handed over at the end of the turn before. */
  | { type: 'prompted'; goesOn?: boolean }
  | ({ type: 'tool-begins' } & ToolCall)
  | ({ type: 'tool-ends'; ok?: boolean; durationMs?: number } & ToolCall)
  | { type: 'asks'; about?: string }
  /** `whole`: the text begins with what it said before hooks kept the turn going. */
  | { type: 'ended'; text: string; whole?: boolean }
  | { type: 'interrupted' }
  | { type: 'failed'; error: string; kind: 'quota' | 'login' | 'other'; resetAt?: number }
  /** Nothing that Orch needs. */
  | { type: 'passed-over' }

export interface ToolCall {
  id?: string
  /** Missing where the hook was too big to be kept whole. */
  name?: string
  input?: unknown
}

/** @throws when the data has another shape */
export type FactReader = (data: JsonMessage) => Fact

export const reading =
  <T>(schema: z.ZodType<T>, make: (value: T) => Fact): FactReader =>
  (data) =>
    make(schema.parse(data))

export const passedOver: FactReader = () => ({ type: 'passed-over' })

const tool = z.object({
  tool_name: z.string().optional(),
  tool_input: z.unknown().optional(),
  tool_use_id: z.string().optional(),
  duration_ms: z.number().optional().catch(undefined),
})

export const callOf = (it: z.infer<typeof tool>): ToolCall => ({
  ...(it.tool_use_id && { id: it.tool_use_id }),
  ...(it.tool_name && { name: it.tool_name }),
  ...(it.tool_input !== undefined && { input: it.tool_input }),
})

export const sessionStart = reading(
  z.object({ session_id: z.string(), source: z.string().optional(), model: z.string().optional() }),
  ({ session_id, source, model }) => ({
    type: 'session',
    session: session_id,
    ...(source && { source }),
    ...(model && { model }),
  }),
)

export const toolBegins = reading(tool, (it) => ({ type: 'tool-begins', ...callOf(it) }))

/** @param ok absent where the program does not tell */
export const toolEnds = (ok?: boolean): FactReader =>
  reading(tool, (it) => ({
    type: 'tool-ends',
    ...callOf(it),
    ...(ok !== undefined && { ok }),
    ...(it.duration_ms !== undefined && { durationMs: it.duration_ms }),
  }))

export const stopped = reading(
  z.object({ last_assistant_message: z.string().nullish() }),
  ({ last_assistant_message: text }) => ({ type: 'ended', text: text ?? '' }),
)

export const permissionRequest = reading(tool, ({ tool_name, tool_input }) => ({
  type: 'asks',
  about: [tool_name, toolInput(tool_input)].filter(Boolean).join(' '),
}))
