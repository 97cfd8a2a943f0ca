import type { Readable, Writable } from 'node:stream'
import { Server, type Tool } from '@modelcontextprotocol/server'
import { StdioServerTransport, serveStdio } from '@modelcontextprotocol/server/stdio'
import type { AgentToolView } from '../api/verbs/agent-tools.ts'
import { annotationsOf, answerOf } from './translate.ts'

export interface BridgeOptions {
  version: string
  input: Readable
  output: Writable
  /** What the daemon offers, and a call of it. */
  tools(): Promise<AgentToolView[]>
  call(name: string, input: Record<string, unknown>): Promise<Record<string, unknown>>
}

/** MCP over standard input and output, for programs that start their servers themselves. Ends when the input does. */
export async function bridge(options: BridgeOptions): Promise<void> {
  const { input, output } = options
  const over = Promise.withResolvers<void>()
  input.once('close', over.resolve)
  const served = serveStdio(() => serverOver(options), { transport: new StdioServerTransport(input, output) })
  await over.promise
  await served.close()
}

function serverOver({ version, tools, call }: BridgeOptions): Server {
  const server = new Server({ name: 'orch', version }, { capabilities: { tools: {} } })
  server.setRequestHandler('tools/list', async () => ({ tools: (await tools()).map(toolOf) }))
  server.setRequestHandler('tools/call', ({ params }) => answerOf(call(params.name, params.arguments ?? {})))
  return server
}

function toolOf(tool: AgentToolView): Tool {
  const { name, description, inputSchema, outputSchema } = tool
  return { name, description, inputSchema, outputSchema, annotations: annotationsOf(tool) } as Tool
}
