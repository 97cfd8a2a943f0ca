import { z } from 'zod'
import type { Env } from '../../exec.ts'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import { PERMISSIONS } from '../../profile/profile.ts'
import type { LaunchOrder } from '../agent.ts'
import { findProgram } from '../detect.ts'

/**
 * What the reader has to know of a launch: the agent is given its session and its prompt only after it has answered,
 * maybe to another daemon. Kept in the attempt directory, as private as the environment in spec.sh beside it.
 */
const pairs = z.array(z.object({ name: z.string(), value: z.string() }))
const mcpServer = z.union([
  z.object({ type: z.literal('http'), name: z.string(), url: z.string(), headers: pairs }),
  z.object({ name: z.string(), command: z.string(), args: z.array(z.string()), env: pairs }),
])
export type AcpMcpServer = z.infer<typeof mcpServer>

const acpOrder = z.object({
  /** Begins the ids of all requests of this process: answers to earlier ones are told apart by it. */
  launch: z.string(),
  workspace: z.string(),
  prompt: z.string(),
  session: z.string().optional(),
  model: z.string().optional(),
  permissions: z.enum(PERMISSIONS),
  tools: z.array(z.string()),
  mcp: z.array(mcpServer),
})
export type AcpOrder = z.infer<typeof acpOrder>

/** @param launch names this process within the attempt. */
export async function orderOf(order: LaunchOrder, launch: string): Promise<AcpOrder> {
  const { profile, session } = order
  const model = order.task.model ?? profile.model
  return {
    launch,
    workspace: order.workspace,
    // The protocol has no system prompt; a session that is gone on with has heard it.
    prompt: session || !profile.prompt ? order.prompt : `${profile.prompt}\n\n${order.prompt}`,
    ...(session && { session }),
    ...(model && { model }),
    permissions: profile.permissions,
    tools: profile.tools,
    mcp: await Promise.all(order.mcp.map((server) => translate(server, order.env))),
  }
}

/** The order that a launch kept; undefined for text that is none. */
export function readOrder(text: string | undefined): AcpOrder | undefined {
  if (text === undefined) return undefined
  try {
    return acpOrder.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

async function translate(server: McpServer, env: Env): Promise<AcpMcpServer> {
  const secret = (variable: string) => env[variable] ?? ''
  if ('url' in server) {
    const headers = Object.entries(server.headers).map(([name, it]) => ({ name, value: secret(it) }))
    if (server.bearer) headers.push({ name: 'Authorization', value: `Bearer ${secret(server.bearer)}` })
    return { type: 'http', name: server.name, url: server.url, headers }
  }
  const [program, ...args] = server.command
  return {
    name: server.name,
    command: (await findProgram(program, env)) ?? program, // the protocol asks for an absolute path
    args,
    env: server.env.flatMap((name) => (env[name] === undefined ? [] : [{ name, value: secret(name) }])),
  }
}
