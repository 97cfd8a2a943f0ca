import { join } from 'node:path'
import {
  type CallToolResult,
  fromJsonSchema,
  type InputRequiredResult,
  inputRequired,
  type McpServer,
  type McpServerFactory,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { Hono } from 'hono'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import { OrchError } from '../../src/errors.ts'
import { silentLog } from '../../src/log.ts'
import { createMcpApp } from '../../src/mcp/app.ts'
import { createMcpListener } from '../../src/mcp/listener.ts'
import { createToolServers } from '../../src/mcp/server.ts'
import { type AgentTool, agentTool } from '../../src/orchestrator/agent-tools/agent-tools.ts'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { AGENT_TOOLS } from '../../src/orchestrator/agent-tools/list.ts'
import { holdTask } from './held-task.ts'
import { realParts } from './parts.ts'
import { temporaryDirectory } from './temporary.ts'

/**
 * Orch's endpoint as it is, with the tools that the conformance suite asks for beside our own. The suite sends no
 * tokens: a front adds the one of an agent. Gives the URL; closed after the test.
 */
export async function startConformanceServer(): Promise<string> {
  const parts = await realParts()
  const { token } = await holdTask(parts)
  const calls = createAgentCalls(parts, [...AGENT_TOOLS, simpleText, errorHandling])
  const factory = withFixtures(createToolServers({ calls, version: '0', log: silentLog }))
  const listener = createMcpListener({
    file: join(temporaryDirectory('orch-mcp'), 'mcp.json'),
    log: silentLog,
  })
  const knows = (it: string) => parts.agentTokens.read(it) !== undefined
  const app = createMcpApp({ factory, knows, port: listener.port, log: silentLog })
  await listener.open(withToken(app, token))
  onTestFinished(() => listener.close(0))
  return listener.url() ?? ''
}

function withToken(app: Hono, token: string): Hono {
  return new Hono().all('*', ({ req }) => {
    const headers = new Headers(req.raw.headers)
    headers.set('authorization', `Bearer ${token}`)
    return app.fetch(new Request(req.raw, { headers }))
  })
}

const nothing = z.strictObject({})
const simpleText: AgentTool = agentTool({
  name: 'test_simple_text',
  description: 'Gives a text.',
  input: nothing,
  output: z.object({ text: z.string() }),
  idempotent: true,
  readOnly: true,
  run: async () => ({ text: 'This is a simple text response for testing.' }),
})
const errorHandling: AgentTool = agentTool({
  name: 'test_error_handling',
  description: 'Fails.',
  input: nothing,
  output: nothing,
  idempotent: true,
  readOnly: true,
  run: async () => {
    throw new OrchError('E_STATE', 'this tool fails on purpose')
  },
})

/** What no tool of ours does, but our wiring has to let through. */
function withFixtures(factory: McpServerFactory): McpServerFactory {
  return async (context) => {
    const server = (await factory(context)) as McpServer
    for (const [name, run] of Object.entries(FIXTURES))
      server.registerTool(name, { description: 'Asked for by the suite.', inputSchema: nothing }, run)
    const inputSchema = fromJsonSchema(SCHEMA)
    const description = 'Has a schema with all that JSON Schema 2020-12 knows.'
    server.registerTool('json_schema_2020_12_tool', { description, inputSchema }, async () => text('ok'))
    return server
  }
}

const text = (it: string): CallToolResult => ({ content: [{ type: 'text', text: it }] })

const FIXTURES: Record<
  string,
  (input: object, context: ServerContext) => Promise<CallToolResult | InputRequiredResult>
> = {
  async test_tool_with_progress(_input, { mcpReq }) {
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken === undefined) return text('nobody asked')
    for (const progress of [0, 50, 100])
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 100 },
      })
    return text('done')
  },
  async test_logging_tool(_input, { mcpReq }) {
    await mcpReq.log('info', 'a line')
    return text('logged')
  },
  async test_missing_capability() {
    const messages = [{ role: 'user' as const, content: { type: 'text' as const, text: 'Say something' } }]
    return inputRequired({
      inputRequests: { word: inputRequired.createMessage({ messages, maxTokens: 10 }) },
    })
  },
  async test_streaming_elicitation() {
    const requestedSchema = z.object({ name: z.string() })
    return inputRequired({
      inputRequests: { name: inputRequired.elicit({ message: 'Your name?', requestedSchema }) },
    })
  },
}

const SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const
