import { expect } from 'vitest'
import { createOpencodeDriver } from '../../src/agent/opencode/opencode.ts'
import { exec } from '../../src/exec.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

const SESSION = 'ses_e036f233fffelz5y7DGnXykNbW'
const after = (call: Call, option: string) => call.argv[call.argv.indexOf(option) + 1]
const config = (call: Call) => JSON.parse(call.env.OPENCODE_CONFIG_CONTENT ?? '{}')
const edits = (call: Call) =>
  expect(config(call).permission).toMatchObject({
    '*': 'deny',
    read: 'allow',
    edit: 'allow',
    bash: { '*': 'deny', git: 'allow', 'git *': 'allow' },
  })

driverContract({
  name: 'opencode',
  make: (env) => createOpencodeDriver({ exec, env }),
  streams: {
    goodTurn: {
      session: SESSION,
      events: ['turn.started', 'message', 'tool.called', 'usage', 'message', 'usage', 'turn.ended'],
      tool: { name: 'bash', input: "git commit -m 'Add hello'" },
      duration: 'told',
      usage: {
        inputTokens: 2_000,
        outputTokens: 100,
        cacheReadTokens: 400,
        cacheWriteTokens: 0,
        costUsd: 0.00762,
        turns: 2,
      },
      summary: 'The file hello.txt is added.',
    },
    toolFailure: { name: 'bash' },
    secondTurn: {
      usage: {
        inputTokens: 4_000,
        outputTokens: 200,
        cacheReadTokens: 800,
        cacheWriteTokens: 0,
        costUsd: 0.01524,
        turns: 4,
      },
      summary: 'Two is added.',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: { resetAt: Date.parse('2026-11-21T05:26:47.319Z') + 3_600_000 },
    streamCut: 'api-error',
    permission: 'notes',
  },
  changed: [
    '{"type":"step_start","sessionID":7}',
    '{"type":"text","sessionID":"ses_1","part":{"words":"x"}}',
    '{"type":"tool_use","sessionID":"ses_1","part":{"tool":"bash"}}',
    '{"type":"step_finish","sessionID":"ses_1","part":{"reason":"stop"}}',
    '{"type":"error","sessionID":"ses_1","error":"all wrong"}',
  ],
  longLine: (text) =>
    JSON.stringify({
      type: 'tool_use',
      sessionID: SESSION,
      part: {
        callID: 'long',
        tool: 'bash',
        state: { status: 'completed', input: { command: text }, output: text, time: { start: 1, end: 2 } },
      },
    }),
  launch: {
    plain(call) {
      expect(call.argv).toEqual([
        ...['run', '--format', 'json', '--print-logs', '--log-level', 'ERROR'],
        '--title=Do it',
      ])
      expect(call.env.OPENCODE_DB).toMatch(/-home\/opencode\/sessions\.db$/)
      expect(config(call)).toMatchObject({
        share: 'disabled',
        autoupdate: false,
        permission: { bash: { '*': 'allow' } },
      })
    },
    resumed(call, session) {
      expect(after(call, '--session')).toBe(session)
    },
    permissions: {
      read(call) {
        expect(config(call).permission).toMatchObject({ '*': 'deny', read: 'allow', 'orch_*': 'allow' })
        expect(config(call).permission).not.toHaveProperty('bash')
        expect(config(call).permission).not.toHaveProperty('edit')
      },
      edits,
      all(call) {
        expect(config(call).permission).toEqual({
          '*': 'allow',
          external_directory: 'allow',
          doom_loop: 'allow',
        })
      },
      ask: edits,
    },
    profile(call, prompt) {
      expect(after(call, '--model')).toBe('some/model')
      expect(config(call).instructions).toEqual([expect.stringMatching(/^\/.*\/opencode-instructions\.md$/)])
      expect(call.files['opencode-instructions.md']).toBe(prompt)
    },
    mcp(call) {
      expect(call.env.OPENCODE_CONFIG_CONTENT).toContain('"Bearer {env:ORCH_AGENT_TOKEN}"')
      expect(config(call).mcp).toEqual({
        orch: {
          type: 'remote',
          url: 'http://127.0.0.1:9/mcp',
          headers: { Authorization: 'Bearer {env:ORCH_AGENT_TOKEN}' },
          oauth: false,
        },
        files: {
          type: 'local',
          command: ['/bin/echo', 'it\'s "one"', '$HOME'],
          environment: { ORCH_AGENT_TOKEN: '' },
        },
        docs: {
          type: 'remote',
          url: 'http://127.0.0.1:9/docs?a=b',
          headers: { 'X-Key': '{env:DOCS_KEY}' },
          oauth: false,
        },
      })
    },
    after: 'ends',
  },
})
