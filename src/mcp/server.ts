import { type CallToolResult, McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { OrchError, toOrchError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { AgentCalls } from '../orchestrator/agent-tools/call.ts'

export interface ToolServerOptions {
  calls: AgentCalls
  version: string
  log: Log
}

/** Servers that offer the tools for agents. They translate, and decide nothing. */
export function createToolServers({ calls, version, log }: ToolServerOptions): McpServerFactory {
  return ({ authInfo }) => {
    const server = new McpServer({ name: 'orch', version }, { instructions: INSTRUCTIONS })
    for (const { name, description, input, output, idempotent, readOnly } of calls.tools) {
      const annotations = {
        idempotentHint: idempotent,
        readOnlyHint: readOnly,
        destructiveHint: false,
        openWorldHint: false,
      }
      server.registerTool(
        name,
        { description, inputSchema: input, outputSchema: output, annotations },
        (given) => answer(calls.call(authInfo?.token ?? '', name, given), name, log),
      )
    }
    return server
  }
}

const INSTRUCTIONS =
  'You work on a task of Orch. get_task tells what is asked, report_progress tells people how far you are, complete_task is the last thing you do.'

async function answer(
  call: Promise<Record<string, unknown>>,
  name: string,
  log: Log,
): Promise<CallToolResult> {
  try {
    const structuredContent = await call
    return { content: [{ type: 'text', text: JSON.stringify(structuredContent) }], structuredContent }
  } catch (thrown) {
    const error = toOrchError(thrown)
    if (!(thrown instanceof OrchError)) log.error('a tool for agents failed', { tool: name, error: thrown })
    return {
      isError: true,
      content: [{ type: 'text', text: `${error.code}: ${error.message}\n${error.fix}` }],
    }
  }
}
