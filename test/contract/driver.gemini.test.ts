import { expect } from 'vitest'
import { createGeminiDriver } from '../../src/agent/gemini/gemini.ts'
import { exec } from '../../src/exec.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

const SESSION = 'a4ebb671-3188-44c1-b6f8-02e0c0941d8d'
/** The value that follows an option. */
const after = (call: Call, option: string) => call.argv[call.argv.indexOf(option) + 1]
const mode = (call: Call) => after(call, '--approval-mode')
const policy = (call: Call) => call.files['gemini-policy.toml'] ?? ''
const settings = (call: Call) => JSON.parse(call.files['settings.json'] ?? '{}')
const edits = (call: Call) => {
  expect(mode(call)).toBe('auto_edit')
  expect(after(call, '--policy')).toMatch(/gemini-policy\.toml$/)
  expect(policy(call)).toContain('toolName = "run_shell_command"\ncommandPrefix = "git"\ndecision = "allow"')
  expect(policy(call)).not.toContain('allowRedirection')
}

driverContract({
  name: 'gemini',
  make: (env) => createGeminiDriver({ exec, env }),
  streams: {
    goodTurn: {
      session: SESSION,
      events: ['turn.started', 'message', 'tool.called', 'message', 'usage', 'turn.ended'],
      tool: { name: 'run_shell_command', input: "git commit -m 'Add hello'" },
      duration: 'told',
      usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, turns: 2 },
      summary: 'The file hello.txt is added.',
    },
    toolFailure: { name: 'read_file' },
    secondTurn: {
      usage: { inputTokens: 4_000, outputTokens: 200, cacheReadTokens: 800, turns: 4 },
      summary: 'Two is added.',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: { resetAt: Date.parse('2026-11-21T04:58:05.850Z') + 3_600_000 },
    streamCut: 'api-error',
    permission: 'notes',
  },
  changed: [
    '{"type":"init","session_id":7}',
    '{"type":"message","role":"assistant","content":{"text":"x"}}',
    '{"type":"tool_use","tool_id":"x"}',
    '{"type":"tool_result","timestamp":"2026-11-21T04:58:05.850Z","tool_id":"x","status":"odd"}',
    '{"type":"result","status":"maybe"}',
  ],
  longLine: (text) =>
    JSON.stringify({
      type: 'tool_result',
      timestamp: '2026-11-21T04:58:05.850Z',
      tool_id: 'long',
      status: 'success',
      output: text,
    }),
  launch: {
    plain(call) {
      expect(call.argv).toEqual([
        ...['--output-format', 'stream-json', '--skip-trust', '--approval-mode', 'auto_edit'],
        ...['--policy', expect.stringMatching(/\/gemini-policy\.toml$/)],
      ])
      expect(policy(call)).toContain('toolName = "run_shell_command"\nallowRedirection = true')
      expect(call.env.GEMINI_CLI_HOME).toMatch(/-home\/gemini$/)
      expect(settings(call)).toMatchObject({ general: { enableAutoUpdate: false }, mcpServers: {} })
    },
    resumed(call, session) {
      expect(after(call, '--resume')).toBe(session)
    },
    permissions: {
      read(call) {
        expect(mode(call)).toBe('default')
        expect(policy(call)).toMatch(/^\[\[rule\]\]\ntoolName = \["write_file",.*\ndecision = "deny"/)
        expect(policy(call)).not.toContain('commandPrefix')
      },
      edits,
      all(call) {
        expect(mode(call)).toBe('yolo')
        expect(call.argv).not.toContain('--policy')
      },
      ask: edits,
    },
    profile(call, prompt) {
      expect(after(call, '--model')).toBe('some/model')
      expect(call.prompt).toBe(`Do it\n\n ${prompt}`)
    },
    mcp(call) {
      expect(call.argv).toContain('--allowed-mcp-server-names=orch,files,docs')
      expect(settings(call).mcpServers).toEqual({
        orch: {
          httpUrl: 'http://127.0.0.1:9/mcp',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the program puts the value in
          headers: { Authorization: 'Bearer ${ORCH_AGENT_TOKEN}' },
          trust: true,
        },
        files: {
          command: '/bin/echo',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the program puts a lone $ in
          args: ['it\'s "one"', '${ORCH_NEVER_SET:-$}HOME'],
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the program puts the value in
          env: { FILES_SECRET: '${FILES_SECRET}' },
          trust: true,
        },
        docs: {
          httpUrl: 'http://127.0.0.1:9/docs?a=b',
          // biome-ignore lint/suspicious/noTemplateCurlyInString: the program puts the value in
          headers: { 'X-Key': '${DOCS_KEY}' },
          trust: true,
        },
      })
    },
    promptAs: (prompt) => (prompt.startsWith('/') ? ` ${prompt}` : prompt),
    after: 'ends',
  },
})
