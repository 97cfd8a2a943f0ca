import type { z } from 'zod'
import type { Attempt, Fence, Task } from '../../task/task.ts'
import type { Parts } from '../parts.ts'

/**
 * What an agent can do through Orch: each tool is one file here and one line in AGENT_TOOLS. MCP (mcp/), the API and
 * `orch agent` are made from this list and hold no logic of their own.
 */
export interface AgentTool<I extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** In small letters with underscores; `orch agent` takes it with dashes too. */
  name: string
  /** For a language model: what it does and when to use it. */
  description: string
  input: I
  output: O
  /** True when calling it twice does no more than calling it once. */
  idempotent: boolean
  /** Whether it changes nothing. */
  readOnly: boolean
  /** @throws OrchError: told to the agent as the failure of the call. */
  run(parts: Parts, caller: Caller, input: z.output<I>): Promise<z.input<O>>
}

/** The agent that calls, known by its token and still the holder of its task. */
export interface Caller {
  task: Task
  attempt: Attempt
  fence: Fence
}

/** Keeps the exact types of a tool. */
export const agentTool = <I extends z.ZodObject, O extends z.ZodObject>(
  tool: AgentTool<I, O>,
): AgentTool<I, O> => tool
