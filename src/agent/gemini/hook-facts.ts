import { z } from 'zod'
import { callOf, type FactReader, passedOver, reading, sessionStart, toolBegins } from '../hooks/facts.ts'

/** The hooks of Gemini CLI (checked against 0.61.0, docs/hooks/reference.md of the program), by name. */
export const GEMINI_HOOKS: Readonly<Record<string, FactReader>> = {
  SessionStart: sessionStart,
  BeforeAgent: () => ({ type: 'prompted' }),
  BeforeTool: toolBegins,
  AfterTool: reading(
    z.object({
      tool_name: z.string().optional(),
      tool_input: z.unknown().optional(),
      tool_response: z.looseObject({ error: z.unknown().optional() }).optional().catch(undefined),
    }),
    ({ tool_response: response, ...it }) => ({
      type: 'tool-ends',
      ...callOf(it),
      ...(response && { ok: !response.error }),
    }),
  ),
  Notification: reading(
    z.object({ notification_type: z.string().default(''), message: z.string().default('') }),
    ({ notification_type: type, message }) =>
      type === 'ToolPermission' ? { type: 'asks', about: message } : { type: 'passed-over' },
  ),
  AfterAgent: reading(z.object({ prompt_response: z.string().nullish() }), ({ prompt_response: text }) => ({
    type: 'ended',
    text: text ?? '',
  })),
  SessionEnd: passedOver,
}
