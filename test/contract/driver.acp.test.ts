import { expect } from 'vitest'
import { createAcpDriver } from '../../src/agent/acp/acp.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

/** The streams are of `opencode acp` 1.18.33; the service down, quota, login and permission of `gemini --acp` 0.61.0. */

/** What the client wrote before the prompt; the fixture writes it down behind its arguments. */
const requests = ({ argv }: Call): { method: string; params: Record<string, unknown> }[] =>
  argv.filter((it) => it.startsWith('{')).map((it) => JSON.parse(it))
const methods = (call: Call) => requests(call).map(({ method }) => method)
const paramsOf = (call: Call, method: string) => requests(call).find((it) => it.method === method)?.params

driverContract({
  name: 'acp',
  make: (env) => createAcpDriver({ env, uuid: () => crypto.randomUUID() }),
  streams: {
    goodTurn: {
      session: 'ses_e0386d8a9ffepEQTkM3X9xzpzU',
      events: ['turn.started', 'message', 'tool.called', 'message', 'usage', 'turn.ended'],
      tool: { name: 'bash', input: 'git commit' },
      duration: 'the protocol has no times',
      usage: { inputTokens: 1_000, outputTokens: 50, cacheReadTokens: 200, turns: 1 },
      summary: 'done',
    },
    toolFailure: { name: 'read' },
    secondTurn: {
      usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, turns: 2 },
      summary: 'the second answer',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: {},
    streamCut: 'gemini and opencode try on, and tell nothing of it',
    permission: 'asks',
  },
  changed: [
    '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"tool_call","toolCallId":7}}}',
    '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s"}}',
    '{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"plan","entries":"all"}}}',
    '{"jsonrpc":"2.0","id":{},"result":{}}',
  ],
  longLine: (text) =>
    JSON.stringify({
      jsonrpc: '2.0',
      method: 'session/update',
      params: {
        sessionId: 's',
        update: {
          sessionUpdate: 'tool_call_update',
          toolCallId: 'long',
          status: 'completed',
          title: 'cat long',
          kind: 'execute',
          rawInput: { command: text },
          rawOutput: text,
        },
      },
    }),
  launch: {
    plain(call) {
      expect(methods(call)).toEqual(['initialize', 'session/new'])
      expect(paramsOf(call, 'initialize')).toMatchObject({
        protocolVersion: 1,
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      })
      expect(paramsOf(call, 'session/new')).toEqual({ cwd: call.cwd, mcpServers: [] })
    },
    resumed(call, sessionId) {
      expect(methods(call)).toEqual(['initialize', 'session/load'])
      expect(paramsOf(call, 'session/load')).toEqual({ sessionId, cwd: call.cwd, mcpServers: [] })
    },
    permissions: {
      read: (call) => expect(paramsOf(call, 'session/set_mode')).toMatchObject({ modeId: 'plan' }),
      edits: (call) => expect(methods(call)).not.toContain('session/set_mode'),
      all: (call) => expect(methods(call)).not.toContain('session/set_mode'),
      ask: (call) => expect(methods(call)).not.toContain('session/set_mode'),
    },
    profile(call, prompt) {
      expect(paramsOf(call, 'session/set_config_option')).toMatchObject({
        configId: 'model',
        value: 'some/model',
      })
      expect(call.prompt).toBe(`${prompt}\n\nDo it`)
    },
    mcp: (call) =>
      expect(paramsOf(call, 'session/new')?.mcpServers).toEqual([
        {
          type: 'http',
          name: 'orch',
          url: 'http://127.0.0.1:9/mcp',
          headers: [{ name: 'Authorization', value: 'Bearer ***' }],
        },
        {
          name: 'files',
          command: '/bin/echo',
          args: ['it\'s "one"', '$HOME'],
          env: [{ name: 'FILES_SECRET', value: '***' }],
        },
        {
          type: 'http',
          name: 'docs',
          url: 'http://127.0.0.1:9/docs?a=b',
          headers: [{ name: 'X-Key', value: '***' }],
        },
      ]),
    after: 'stays',
  },
})
