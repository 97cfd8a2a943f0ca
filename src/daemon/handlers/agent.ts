import { z } from 'zod'
import type { Handlers } from '../../api/contract.ts'
import type { AgentToolView } from '../../api/verbs/agent-tools.ts'
import type { AgentTool } from '../../orchestrator/agent-tools/agent-tools.ts'
import type { AgentCalls } from '../../orchestrator/agent-tools/call.ts'

/** The tools for agents as verbs of the API. */
export function agentHandlers({ tools, call }: AgentCalls): Pick<Handlers, 'agentTools' | 'agentCall'> {
  return {
    agentTools: async () => ({ tools: tools.map(viewTool) }),
    agentCall: async ({ params, bearer, body }) => await call(bearer, params.tool, body),
  }
}

function viewTool({ name, description, input, output, idempotent, readOnly }: AgentTool): AgentToolView {
  return {
    name,
    description,
    inputSchema: z.toJSONSchema(input, { io: 'input' }),
    outputSchema: z.toJSONSchema(output, { io: 'output' }),
    idempotent,
    readOnly,
  }
}
