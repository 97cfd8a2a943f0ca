import { request } from 'node:http'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import type { Log } from '../../src/log.ts'
import { silentLog } from '../../src/log.ts'
import { createMcpApp } from '../../src/mcp/app.ts'
import { createMcpListener, type McpListener } from '../../src/mcp/listener.ts'
import { createToolServers } from '../../src/mcp/server.ts'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { AGENT_TOOLS } from '../../src/orchestrator/agent-tools/list.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import { holdTask } from '../support/held-task.ts'
import { realParts } from '../support/parts.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Orch's MCP endpoint as agents see it: the real store, the real listener, clients of both eras. */

const open: McpListener[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((it) => it.close(100)))
})

async function listenFor(parts: Parts, file: string, log: Log = silentLog): Promise<McpListener> {
  const listener = createMcpListener({ file, log })
  open.push(listener)
  const factory = createToolServers({ calls: createAgentCalls(parts), version: '0', log })
  const knows = (token: string) => parts.agentTokens.read(token) !== undefined
  await listener.open(createMcpApp({ factory, knows, port: listener.port, log }))
  return listener
}

async function endpoint() {
  const parts = await realParts()
  const held = await holdTask(parts)
  const file = join(temporaryDirectory('orch-mcp'), 'mcp.json')
  const listener = await listenFor(parts, file)
  return { parts, held, file, listener, url: listener.url() ?? '' }
}

/** `era` is what a client is pinned to: the stateless revision, or `initialize` with an older one. */
async function connect(url: string, token: string, era: string): Promise<Client> {
  const options =
    era === '2026-07-28'
      ? { versionNegotiation: { mode: { pin: era } } }
      : { versionNegotiation: { mode: 'legacy' as const }, supportedProtocolVersions: [era] }
  const client = new Client({ name: 'agent', version: '1' }, options)
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  onTestFinished(() => client.close())
  return client
}

const textOf = (answer: Awaited<ReturnType<Client['callTool']>>) =>
  answer.content.map((it) => (it.type === 'text' ? it.text : it.type)).join('\n')

describe.each(['2026-07-28', '2025-11-25', '2025-06-18'])('a client of %s', (era) => {
  test('lists the tools and calls each', async () => {
    const { url, held, parts } = await endpoint()
    const client = await connect(url, held.token, era)
    expect(client.getNegotiatedProtocolVersion()).toBe(era)
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(AGENT_TOOLS.map(({ name }) => name))
    expect(tools[1]?.inputSchema).toMatchObject({ type: 'object', required: ['summary'] })
    expect(tools[0]?.annotations).toMatchObject({ readOnlyHint: true, idempotentHint: true })
    const task = await client.callTool({ name: 'get_task', arguments: {} })
    expect(task.structuredContent).toMatchObject({ id: held.task.id, attempt: 1 })
    expect(JSON.parse(textOf(task))).toEqual(task.structuredContent)
    await client.callTool({ name: 'report_progress', arguments: { summary: 'Half', percent: 50 } })
    await client.callTool({ name: 'complete_task', arguments: { summary: 'Done' } })
    const [attempt] = await parts.store.tasks.attempts(held.task.id)
    expect(attempt?.word).toEqual({ done: true, summary: 'Done' })
  })

  test('is told what is wrong with a call, and goes on', async () => {
    const { url, held, parts } = await endpoint()
    const client = await connect(url, held.token, era)
    const wrong = await client.callTool({ name: 'report_progress', arguments: { summary: 5 } })
    expect(wrong.isError).toBe(true)
    expect(textOf(wrong)).toContain('summary')
    await expect(client.callTool({ name: 'rm', arguments: {} })).rejects.toThrow(/rm/)
    await parts.store.tasks.cancel(held.task.id, 1, { code: 'cancelled', message: 'by a person' })
    const late = await client.callTool({ name: 'complete_task', arguments: { summary: 'late' } })
    expect(late.isError).toBe(true)
    expect(textOf(late)).toContain('E_STALE')
  })

  test('is not let in with an absent, wrong or foreign token', async () => {
    const { url, held } = await endpoint()
    const foreign = `${held.token.slice(0, -2)}${held.token.endsWith('AA') ? 'BB' : 'AA'}`
    for (const token of ['', 'wrong', foreign, 'x'.repeat(10_000)])
      await expect(connect(url, token, era)).rejects.toThrow()
  })

  test('goes on after a restart of the daemon, at the same address', async () => {
    const { url, held, listener, file, parts } = await endpoint()
    const client = await connect(url, held.token, era)
    await client.callTool({ name: 'report_progress', arguments: { summary: 'before' } })
    await listener.close(0)
    await expect(
      client.callTool({ name: 'report_progress', arguments: { summary: 'meanwhile' } }),
    ).rejects.toThrow()
    expect((await listenFor(parts, file)).url()).toBe(url)
    const after = await client.callTool({ name: 'report_progress', arguments: { summary: 'after' } })
    expect(after.structuredContent).toEqual({ recorded: true })
  })
})

test('somebody took the port: another one, a warning, and that one from then on', async () => {
  const { url, listener, file, parts } = await endpoint()
  await listener.close(0)
  const thief = createServer().listen(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void thief.close())
  const warnings: string[] = []
  const next = await listenFor(parts, file, { ...silentLog, warn: (text) => warnings.push(text) })
  expect(next.url()).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp$/)
  expect(next.url()).not.toBe(url)
  expect(warnings).toHaveLength(1)
  const moved = next.url()
  await next.close(0)
  expect((await listenFor(parts, file)).url()).toBe(moved)
})

interface Raw {
  method?: string
  path?: string
  headers?: Record<string, string>
  body?: string
}

/** One request with exactly these headers; fetch would not let us lie about Host. */
function raw(url: string, { method = 'POST', path = '/mcp', headers = {}, body = '' }: Raw) {
  const { port } = new URL(url)
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>(
    (resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, method, path, headers }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk) => chunks.push(chunk))
        answer.on('error', reject)
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers })
        })
      })
      sent.on('error', reject)
      sent.end(body)
    },
  )
}

const jsonHeaders = (token: string) => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
})
const rpc = (method: string, params: object = {}) => JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })

test('pages of other origins and names that were rebound to us are sent away, before the token is looked at', async () => {
  const { url, held } = await endpoint()
  const headers = jsonHeaders(held.token)
  const body = rpc('ping')
  const attacks: Record<string, string>[] = [
    { host: 'evil.example' },
    { host: `evil.example:${new URL(url).port}` },
    { host: '127.0.0.1' },
    { host: '127.0.0.1:1' },
    { origin: 'http://evil.example' },
    { origin: 'null' },
    { origin: 'http://localhost:1' },
  ]
  for (const attack of attacks)
    expect(
      (await raw(url, { headers: { ...headers, ...attack }, body })).status,
      JSON.stringify(attack),
    ).toBe(403)
  const { port } = new URL(url)
  const harmless: Record<string, string>[] = [
    { host: `localhost:${port}` },
    { origin: `http://127.0.0.1:${port}` },
  ]
  for (const fine of harmless)
    expect((await raw(url, { headers: { ...headers, ...fine }, body })).status, JSON.stringify(fine)).toBe(
      200,
    )
})

test('without a token the answer is the challenge of RFC 6750, for every method', async () => {
  const { url } = await endpoint()
  for (const method of ['POST', 'GET', 'DELETE', 'PUT']) {
    const { status, headers } = await raw(url, { method })
    expect(status, method).toBe(401)
    expect(headers['www-authenticate'], method).toMatch(/^Bearer/)
  }
})

test('what is too large, no JSON, no MCP or elsewhere is refused, and the endpoint goes on', async () => {
  const { url, held, parts } = await endpoint()
  const headers = jsonHeaders(held.token)
  const call = (args: unknown) => rpc('tools/call', { name: 'complete_task', arguments: args })
  const huge = await raw(url, { headers, body: call({ summary: 'x'.repeat(5_000_000) }) })
  expect(huge.status).toBe(413)
  for (const body of ['', '{', 'null', '[]', '5', '{"jsonrpc":"1.0"}', '\u0000', '['.repeat(100_000)]) {
    const { status } = await raw(url, { headers, body })
    expect(status, body.slice(0, 20)).toBeGreaterThanOrEqual(400)
    expect(status, body.slice(0, 20)).toBeLessThan(500)
  }
  expect((await raw(url, { headers, path: '/', body: rpc('ping') })).status).toBe(404)
  expect((await raw(url, { headers, path: '/v1/status', method: 'GET' })).status).toBe(404)
  expect((await raw(url, { headers, method: 'GET' })).status).toBe(405)
  const long = await raw(url, { headers, body: call({ summary: 'x'.repeat(20_000) }) })
  expect(long.text).toContain('summary')
  expect(long.text.length).toBeLessThan(2_000)
  expect((await parts.store.tasks.attempts(held.task.id))[0]?.word).toBeUndefined()
  expect((await raw(url, { headers, body: rpc('ping') })).status).toBe(200)
})

test('a token is never in the journal', async () => {
  const { url, held, parts } = await endpoint()
  const client = await connect(url, held.token, '2026-07-28')
  await client.callTool({ name: 'report_progress', arguments: { summary: 'x' } })
  expect(JSON.stringify(await parts.store.journal.read({}))).not.toContain(held.token.split('.').at(-1))
})
