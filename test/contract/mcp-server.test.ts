import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { createMcpHandler, McpServer as Server } from '@modelcontextprotocol/server'
import { expect, onTestFinished, test, vi } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type Env, exec, signalProcess, spawnPiped } from '../../src/exec.ts'
import { type AskDeps, askServer } from '../../src/mcp-servers/ask.ts'
import type { McpServer } from '../../src/mcp-servers/mcp-servers.ts'
import { createProcessTable } from '../../src/runtime/processes/system.ts'
import { answering, type Message, type Tool, TWO_TOOLS } from '../fixtures/mcp/answers.ts'
import { mcpFixture, mcpOverHttp } from '../support/mcp.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Asking real servers over both ways that MCP knows, and what is left behind. */

const processes = createProcessTable({ platform: process.platform, exec, env: {} })
const env: Env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' }

/** Asks as somebody of its own; gives what was found of its processes too. */
function asking(given: Partial<AskDeps> = {}) {
  const owner = crypto.randomUUID()
  const running = async () =>
    (await processes.find({ mark: `ORCH_MCP_OWNER=${owner}` })).map(({ pid }) => pid)
  onTestFinished(async () => {
    for (const pid of await running()) signalProcess(pid, 'SIGKILL')
  })
  const deps: AskDeps = {
    spawnPiped,
    findMarked: async (mark) => (await processes.find({ mark })).map(({ pid }) => pid),
    owner,
    clock: systemClock,
    version: '0.0.0',
    limitMs: 30_000,
    uuid: () => crypto.randomUUID(),
    ...given,
  }
  const ask = (server: McpServer, more: Env = {}) => askServer(deps, server, { ...env, ...more }, '/')
  return { ask, running }
}

const command = (name: string, ...args: string[]): McpServer => ({
  name: 'it',
  command: mcpFixture(name, ...args),
  env: [],
})

type Give = (tools: Tool[]) => Promise<McpServer>
const overStdio: Give = async (tools) => {
  const file = join(temporaryDirectory('mcp'), 'tools.json')
  writeFileSync(file, JSON.stringify(tools))
  return command('changes-its-tools', file)
}
const overHttp: Give = async (tools) => ({
  name: 'it',
  url: (await mcpOverHttp(answering(tools))).url,
  headers: {},
})

test.each([
  ['stdio', overStdio],
  ['http', overHttp],
])('over %s', async (_way, give) => {
  const { ask, running } = asking()
  const shown = await ask(await give(TWO_TOOLS))
  expect(shown.tools).toEqual(TWO_TOOLS)
  await expect(ask(await give([]))).resolves.toMatchObject({ tools: [] })
  const endless = [
    { name: 'big', description: 'x'.repeat(10 * 1024 * 1024), inputSchema: { type: 'object' } },
  ]
  await expect(ask(await give(endless))).rejects.toMatchObject({
    code: 'E_MCP_FAILED',
    message: 'the MCP server it: it sends more than 4 MB',
  })
  const broken = [{ description: 'no name' }] as unknown as Tool[]
  await expect(ask(await give(broken))).rejects.toMatchObject({ code: 'E_MCP_FAILED' })
  expect(await running()).toEqual([])
})

test.each([
  ['prints-noise-before-json', []],
  ['floods', []],
])('a server that %s is heard all the same', async (name, args) => {
  const { ask, running } = asking()
  expect((await ask(command(name, ...args))).tools).toHaveLength(2)
  expect(await running()).toEqual([])
})

test('what a server started is ended with it, in its group and out of it', async () => {
  const { ask, running } = asking()
  await ask(command('leaves-processes'))
  expect(await running()).toEqual([])
})

test('a server that hangs is given up in time, and ended though it ignores TERM', async () => {
  const { ask, running } = asking({ limitMs: 1_000 })
  await expect(ask(command('hangs'))).rejects.toMatchObject({
    code: 'E_MCP_FAILED',
    message: 'the MCP server it: it did not list its tools within 1 s',
  })
  expect(await running()).toEqual([])
})

test('a server that may not be signalled, as one of another user, is left in the end', async () => {
  const { ask, running } = asking({ limitMs: 1_000 })
  const kill = vi.spyOn(process, 'kill').mockImplementation(() => {
    throw Object.assign(new Error('kill EPERM'), { code: 'EPERM' })
  })
  onTestFinished(() => void kill.mockRestore())
  await expect(ask(command('hangs'))).rejects.toMatchObject({
    message: 'the MCP server it: it did not list its tools within 1 s',
  })
  expect(await running()).toHaveLength(1)
})

test('a server that prints without end fails at once', async () => {
  const { ask, running } = asking()
  await expect(ask(command('floods', 'stdout'))).rejects.toMatchObject({
    message: 'the MCP server it: it sends more than 4 MB',
  })
  expect(await running()).toEqual([])
})

test('how a server ended is told with its last words, and without the secret in them', async () => {
  const { ask } = asking()
  const server: McpServer = { name: 'it', command: mcpFixture('exits-at-once'), env: ['FIXTURE_SECRET'] }
  await expect(ask(server, { FIXTURE_SECRET: 'tell-nobody' })).rejects.toMatchObject({
    message: 'the MCP server it: it ended with status 3: cannot log in with ***',
  })
  await expect(ask(server)).rejects.toMatchObject({
    message: expect.stringContaining('needs FIXTURE_SECRET'),
  })
})

test('a command that is not there', async () => {
  const server: McpServer = { name: 'it', command: ['/no/such/program'], env: [] }
  await expect(asking().ask(server)).rejects.toMatchObject({
    message: 'the MCP server it: /no/such/program cannot be started: ENOENT',
  })
})

test('a server gets the variables that it names and no others', async () => {
  const file = join(temporaryDirectory('mcp'), 'env')
  const script = `env > ${file}; exec ${mcpFixture('lists-two-tools').join(' ')}`
  const server: McpServer = { name: 'it', command: ['sh', '-c', script], env: ['WANTED'] }
  await asking().ask(server, { WANTED: 'yes', OTHER_SECRET: 'no' })
  const names = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split('=')[0])
  expect(names).toEqual(expect.arrayContaining(['WANTED', 'PATH', 'HOME']))
  expect(names).not.toContain('OTHER_SECRET')
})

test('tokens and headers go to an HTTP server; a refusal is told without them', async () => {
  const served = await mcpOverHttp(answering(TWO_TOOLS), { bearer: 'good-token' })
  const server: McpServer = { name: 'it', url: served.url, bearer: 'TOKEN', headers: { 'X-Team': 'TEAM' } }
  const { ask } = asking()
  expect((await ask(server, { TOKEN: 'good-token\n', TEAM: 'red' })).tools).toHaveLength(2)
  expect(served.requests[0]).toMatchObject({ authorization: 'Bearer good-token', 'x-team': 'red' })
  await expect(ask(server, { TOKEN: 'wrong-token', TEAM: 'red' })).rejects.toMatchObject({
    message: 'the MCP server it: it refuses the login: HTTP 401',
  })
  await expect(ask(server, { TOKEN: 'two\nlines', TEAM: 'red' })).rejects.toMatchObject({
    message: 'the MCP server it: TOKEN holds what no header may hold',
  })
})

test.each([404, 500])('an HTTP server that answers %d is no MCP server', async (status) => {
  const { url } = await mcpOverHttp(answering([]), { status })
  await expect(asking().ask({ name: 'it', url, headers: {} })).rejects.toMatchObject({
    message: `the MCP server it: it answers HTTP ${status} instead of MCP (Streamable HTTP)`,
  })
})

test('an HTTP server that is not there, and one that never answers', async () => {
  const served = await mcpOverHttp(answering([]))
  await served.close()
  await expect(asking().ask({ name: 'it', url: served.url, headers: {} })).rejects.toMatchObject({
    message: 'the MCP server it: it cannot be reached: ECONNREFUSED',
  })
  const silent = createTcpServer(() => {})
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void silent.close())
  const { port } = silent.address() as { port: number }
  const url = `http://127.0.0.1:${port}/mcp`
  await expect(asking({ limitMs: 500 }).ask({ name: 'it', url, headers: {} })).rejects.toMatchObject({
    message: 'the MCP server it: it did not list its tools within 0.5 s',
  })
})

test('a token does not follow a redirect to another origin', async () => {
  const other = await mcpOverHttp(answering(TWO_TOOLS))
  const redirecting = createServer((_, response) => response.writeHead(307, { location: other.url }).end())
  await new Promise<void>((resolve) => redirecting.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void redirecting.close())
  const { port } = redirecting.address() as { port: number }
  const server: McpServer = { name: 'it', url: `http://127.0.0.1:${port}/`, bearer: 'TOKEN', headers: {} }
  await expect(asking().ask(server, { TOKEN: 'tell-nobody' })).rejects.toMatchObject({ code: 'E_MCP_FAILED' })
  expect(other.requests).toEqual([])
})

test('a server that lists its tools on several pages', async () => {
  const whole = answering(TWO_TOOLS)
  const { url } = await mcpOverHttp((message: Message) => {
    if (message.method !== 'tools/list') return whole(message)
    const second = message.params?.cursor === '2'
    const result = second ? { tools: TWO_TOOLS.slice(1) } : { tools: TWO_TOOLS.slice(0, 1), nextCursor: '2' }
    return { jsonrpc: '2.0', id: message.id, result }
  })
  expect((await asking().ask({ name: 'it', url, headers: {} })).tools).toEqual(TWO_TOOLS)
})

test('a server of the revision 2026-07-28 that knows no initialize', async () => {
  const handler = createMcpHandler(
    () => {
      const server = new Server({ name: 'modern', version: '1.0.0' })
      server.registerTool('add', { description: 'Adds.' }, async () => ({ content: [] }))
      return server
    },
    { legacy: 'reject' },
  )
  const served = serve({ fetch: (request) => handler.fetch(request), port: 0, hostname: '127.0.0.1' })
  onTestFinished(() => void served.close())
  await new Promise((resolve) => served.once('listening', resolve))
  const { port } = served.address() as { port: number }
  const url = `http://127.0.0.1:${port}/mcp`
  expect((await asking().ask({ name: 'it', url, headers: {} })).tools.map(({ name }) => name)).toEqual([
    'add',
  ])
})
