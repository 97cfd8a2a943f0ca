import type { z } from 'zod'
import { OrchError } from '../../errors.ts'
import { checkFence } from '../../task/life.ts'
import { oneLine } from '../../text.ts'
import { faultsOf } from '../bus/payload.ts'
import type { Parts } from '../parts.ts'
import type { AgentTool, Caller } from './agent-tools.ts'
import { AGENT_TOOLS } from './list.ts'
import { createPace } from './pace.ts'

/** Calls of agents, whichever way they come in: MCP, the API, `orch agent`. */
export interface AgentCalls {
  tools: readonly AgentTool[]
  /**
   * Runs a tool for the agent that has the token. @throws OrchError E_UNAUTHORIZED (not a token of ours), E_STALE (its
   * attempt is over), E_BUSY (too often), E_NOT_FOUND (no such tool), E_INVALID, E_TOO_LARGE, and what the tool throws.
   */
  call(token: string, name: string, input: unknown): Promise<Record<string, unknown>>
}

/** Bytes of JSON that go in, and that come out. A description may have 200,000 characters. */
const MOST_IN = 256 * 1024
const MOST_OUT = 2 * 1024 * 1024

export function createAgentCalls(parts: Parts, tools: readonly AgentTool[] = AGENT_TOOLS): AgentCalls {
  const admit = createPace(parts.clock)
  return {
    tools,
    async call(token, name, input) {
      const caller = await callerOf(parts, token)
      admit(caller.attempt.agent)
      const tool = findTool(tools, name)
      const answer = await tool.run(parts, caller, checkInput(tool, input))
      return bounded(tool.output.parse(answer), MOST_OUT, 'the answer') as Record<string, unknown>
    },
  }
}

/** @throws OrchError E_UNAUTHORIZED, E_STALE */
async function callerOf({ agentTokens, store }: Parts, token: string): Promise<Caller> {
  const claim = agentTokens.read(token)
  const task = claim && (await store.tasks.get(claim.taskId))
  if (!task)
    throw new OrchError('E_UNAUTHORIZED', 'this is no token of an agent of this daemon', { fix: OUTSIDE })
  const attempt = (await store.tasks.attempts(task.id)).find(({ epoch }) => epoch === claim.epoch)
  const fence = { ...claim, host: attempt?.host ?? '' }
  checkFence(task, fence)
  if (!attempt) throw new OrchError('E_STALE', `${task.id} has no attempt ${claim.epoch}`)
  return { task, attempt, fence }
}

export const OUTSIDE = 'Orch gives the token to each agent that it starts, as ORCH_AGENT_TOKEN.'

/** A name may have dashes for underscores. @throws OrchError E_NOT_FOUND */
export function findTool<T extends { name: string }>(tools: readonly T[], name: string): T {
  const tool = tools.find((it) => it.name === name.replaceAll('-', '_'))
  if (tool) return tool
  const there = tools.map((it) => it.name).join(', ')
  throw new OrchError('E_NOT_FOUND', `there is no tool ${oneLine(name, 60)}`, { fix: `There are: ${there}.` })
}

/** @throws OrchError E_INVALID that names each field (at most five) and what is expected there, E_TOO_LARGE */
function checkInput(tool: AgentTool, input: unknown): z.output<AgentTool['input']> {
  const checked = tool.input.safeParse(bounded(input ?? {}, MOST_IN, 'the input'))
  if (checked.success) return checked.data
  throw new OrchError('E_INVALID', `${tool.name}: ${faultsOf(checked.error)}`, {
    fix: 'Correct the fields that are named and call again.',
  })
}

function bounded<T>(value: T, most: number, what: string): T {
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '')
  if (bytes <= most) return value
  throw new OrchError('E_TOO_LARGE', `${what} has ${bytes} bytes, at most ${most} are taken`, {
    fix: 'Say it shorter; what is long belongs into a file of the workspace.',
  })
}
