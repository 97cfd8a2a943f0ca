import { PassThrough, type Readable } from 'node:stream'
import {
  Client,
  type JSONRPCMessage,
  ReadBuffer,
  serializeMessage,
  type Transport,
} from '@modelcontextprotocol/client'
import { describe, expect, onTestFinished, test } from 'vitest'
import { fakeDaemon, orch, worldOf } from '../../../test/support/cli.ts'
import { holdTask } from '../../../test/support/held-task.ts'
import { realParts } from '../../../test/support/parts.ts'
import { agentHandlers } from '../../daemon/handlers/agent.ts'
import { createAgentCalls } from '../../orchestrator/agent-tools/call.ts'
import { AGENT_TOOLS } from '../../orchestrator/agent-tools/list.ts'
import { runCommandLine } from '../program.ts'

async function agentOf() {
  const parts = await realParts()
  const { token, task } = await holdTask(parts)
  const handlers = agentHandlers(createAgentCalls(parts))
  const daemon = await fakeDaemon(handlers)
  const given = { state: daemon.state, env: { ORCH_AGENT: 'worker', ORCH_AGENT_TOKEN: token } }
  const events = async () =>
    (await parts.store.journal.read({ taskId: task.id, types: ['agent.progress', 'agent.completed'] })).map(
      ({ type, data }) => ({ type, ...data }),
    )
  return {
    run: (...argv: string[]) => orch(['agent', ...argv], given),
    given,
    events,
    daemon,
    handlers,
    token,
  }
}

test('alone it lists the tools, and --help of each its fields', async () => {
  const { run } = await agentOf()
  const { out, err, code } = await run()
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^get-task\n {4}Read your task/m)
  expect(out).toMatch(/^report-progress$/m)
  const listed = JSON.parse((await run('--json')).out)
  expect(listed).toMatchObject({ kind: 'agent-tools', tools: AGENT_TOOLS.map(({ name }) => ({ name })) })
  const help = await run('report-progress', '--help')
  expect(help.code).toBe(0)
  expect(help.out).toContain('--percent <number>')
  expect(help.out).toContain('(needed)')
})

test('fields are options made from the schema; dashes and underscores mean the same', async () => {
  const { run, events } = await agentOf()
  const first = await run('report-progress', '--summary', 'Half of it', '--percent', '50')
  expect(first).toEqual({ code: 0, err: '', out: '{\n  "recorded": true\n}\n' })
  expect((await run('report_progress', '--summary=--done')).code).toBe(0)
  expect((await run('complete-task', '--summary', 'Gave up', '--done', 'false')).code).toBe(0)
  expect(await events()).toEqual([
    { type: 'agent.progress', summary: 'Half of it', percent: 50 },
    { type: 'agent.progress', summary: '--done' },
    { type: 'agent.completed', summary: 'Gave up', done: false },
  ])
})

test('a list is given one by one, or as JSON; what is none is refused', async () => {
  const { run } = await agentOf()
  const two = await run('subscribe', '--topics', 'api', '--topics', 'database')
  expect(two).toMatchObject({ code: 0, out: expect.stringMatching(/"api",\s+"database"/) })
  expect((await run('subscribe', '--leave', '["api"]')).out).not.toContain('api')
  expect(await run('subscribe', '--topics', '[api')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--topics'),
  })
  const objects = ['answer', '--request', 'm-000000000001', '--text', 'x', '--findings']
  expect(await run(...objects, 'bad')).toMatchObject({ code: 2, err: expect.stringContaining('--findings') })
  expect(await run(...objects, '[{"title":"x"}]')).toMatchObject({ err: expect.stringContaining('severity') })
  const { out } = await run('read-inbox', '--help')
  expect(out).toContain('--acknowledge <string...>')
  expect(out).toContain('--wait <integer>')
})

test('--json gives the fields as one object, also from standard input, and makes the answer a document', async () => {
  const { run, events, given } = await agentOf()
  const { out } = await run('report-progress', '--json', '{"summary":"a","percent":1}', '--percent', '2')
  expect(JSON.parse(out)).toMatchObject({
    kind: 'agent-answer',
    tool: 'report_progress',
    answer: { recorded: true },
  })
  const long = { summary: 'ü'.repeat(2_000) }
  const piped = await orch(['agent', 'report-progress', '--json', '-'], {
    ...given,
    stdin: JSON.stringify(long),
  })
  expect(piped.code).toBe(0)
  expect(JSON.parse((await run('get-task', '--json')).out)).toMatchObject({ answer: { attempt: 1 } })
  expect(await events()).toMatchObject([{ summary: 'a', percent: 2 }, long])
})

test.each([
  [['nonsense'], 'E_USAGE', 'report-progress'],
  [['report-progress', '--percent', 'much'], 'E_USAGE', '--percent'],
  [['report-progress', '--colour', 'red'], 'E_USAGE', '--colour'],
  [['report-progress', 'words'], 'E_USAGE', 'argument'],
  [['report-progress'], 'E_INVALID', 'summary'],
  [['report-progress', '--summary', 'x', '--percent', '101'], 'E_INVALID', 'percent'],
  [['complete-task', '--summary', 'x', '--done', '1'], 'E_USAGE', '--done'],
  [['constructor'], 'E_USAGE', 'no tool'],
])('%j is refused with %s', async (argv, code, word) => {
  const { run, events } = await agentOf()
  const screen = await run(...argv)
  expect(screen.code).not.toBe(0)
  expect(screen.err).toContain(code)
  expect(screen.err).toContain(word)
  expect(screen.out).toBe('')
  expect(await events()).toEqual([])
})

test.each(['[]', 'null', '5', '{', ''])('--json=%s is refused', async (json) => {
  const { run, events } = await agentOf()
  const screen = await run('report-progress', '--json', json)
  expect(screen.code).toBe(2)
  expect(await events()).toEqual([])
})

test('outside of agents, with a wrong token and after the attempt it says so', async () => {
  const { run, given, daemon, token } = await agentOf()
  const outside = await orch(['agent', 'get-task'], { state: daemon.state })
  expect(outside.code).toBe(5)
  expect(outside.err).toContain('E_UNAUTHORIZED')
  expect(outside.err).toContain('ORCH_AGENT_TOKEN')
  const wrong = { ...given.env, ORCH_AGENT_TOKEN: `${token}x` }
  const foreign = await orch(['agent', 'get-task'], { ...given, env: wrong })
  expect(foreign.err).toContain('E_UNAUTHORIZED')
  expect(foreign.err).not.toContain(token)
  expect((await run('get-task')).code).toBe(0)
})

/** A client's end of standard input and output. */
function pipe(input: PassThrough, output: Readable): Transport {
  const buffer = new ReadBuffer()
  const transport: Transport = {
    async start() {
      output.on('data', (chunk: Buffer) => {
        buffer.append(chunk)
        for (let it = buffer.readMessage(); it !== null; it = buffer.readMessage())
          transport.onmessage?.(it as JSONRPCMessage)
      })
    },
    send: async (message) => void input.write(serializeMessage(message)),
    close: async () => void input.end(),
  }
  return transport
}

describe.each([
  ['2026-07-28', { versionNegotiation: { mode: { pin: '2026-07-28' } } }],
  ['2025-06-18', { supportedProtocolVersions: ['2025-06-18'] }],
])('orch agent mcp, a client of %s', (_revision, options) => {
  async function bridged() {
    const agent = await agentOf()
    const [input, output] = [new PassThrough(), new PassThrough()]
    const world = {
      ...worldOf(agent.given, { out: '', err: '' }),
      stdin: input,
      out: (text: string) => void output.write(text),
    }
    const ended = runCommandLine(['agent', 'mcp'], world)
    const client = new Client({ name: 'agent', version: '1' }, options)
    await client.connect(pipe(input, output))
    return { ...agent, client, ended, input }
  }

  test('has the same tools, is told what is wrong, and ends with its input', async () => {
    const { client, ended, input, events } = await bridged()
    const { tools } = await client.listTools()
    expect(tools.map(({ name }) => name)).toEqual(AGENT_TOOLS.map(({ name }) => name))
    const fine = await client.callTool({ name: 'report_progress', arguments: { summary: 'Half' } })
    expect(fine.structuredContent).toEqual({ recorded: true })
    const wrong = await client.callTool({ name: 'report_progress', arguments: {} })
    expect(wrong).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('E_INVALID') }] })
    expect(await events()).toHaveLength(1)
    input.end()
    expect(await ended).toBe(0)
  })

  test('goes on after the daemon was away', async () => {
    const { client, ended, input, events, daemon, handlers } = await bridged()
    await client.listTools()
    await daemon.close()
    const called = client.callTool({ name: 'report_progress', arguments: { summary: 'meanwhile' } })
    const next = await fakeDaemon(handlers, daemon.state)
    onTestFinished(() => next.close())
    expect((await called).structuredContent).toEqual({ recorded: true })
    expect(await events()).toHaveLength(1)
    input.end()
    expect(await ended).toBe(0)
  })
})
