import { z } from 'zod'
import { callOf, type FactReader, passedOver, reading, sessionStart, toolBegins } from '../hooks/facts.ts'

/** The hooks of Gemini CLI (checked against 0.61.0, docs/hooks/reference.md of the program), by name. */
export const GEMINI_HOOKS: Readonly<Record<string, FactReader>> = {
  SessionStart: sessionStart,
  BeforeAgent: () => ({ type: 'prompted', goesOn: true }),
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
      ...okOf(it.tool_name, response),
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
    whole: true,
  })),
  SessionEnd: passedOver,
}

/** A command of the shell that failed is no error to it, so that nothing is known of one without. */
function okOf(tool?: string, response?: { error?: unknown }): { ok?: boolean } {
  if (response?.error) return { ok: false }
  return response && tool !== 'run_shell_command' ? { ok: true } : {}
}
