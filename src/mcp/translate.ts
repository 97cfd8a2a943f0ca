import type { CallToolResult, ToolAnnotations } from '@modelcontextprotocol/server'
import { toOrchError } from '../errors.ts'

/** Tools for agents, their answers and failures in the words of MCP. */

export function annotationsOf(tool: { idempotent: boolean; readOnly: boolean }): ToolAnnotations {
  return {
    idempotentHint: tool.idempotent,
    readOnlyHint: tool.readOnly,
    destructiveHint: false,
    openWorldHint: false,
  }
}

/** A failure is an answer too: the model reads what is wrong and what to do about it. */
export async function answerOf(call: Promise<Record<string, unknown>>): Promise<CallToolResult> {
  try {
    const structuredContent = await call
    return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
  } catch (thrown) {
    const { code, message, fix } = toOrchError(thrown)
    return { isError: true, content: [{ type: 'text', text: `${code}: ${message}\n${fix}` }] }
  }
}
