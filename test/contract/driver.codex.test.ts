import { existsSync } from 'node:fs'
import { expect } from 'vitest'
import { createCodexDriver } from '../../src/agent/codex/codex.ts'
import { exec } from '../../src/exec.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

/** The quota was recorded that morning, and told as a time of the same day. */
const clock = { now: () => new Date(2026, 10, 21, 5, 10).getTime() }
const settings = ({ argv }: Call) =>
  Object.fromEntries(
    argv.flatMap((word, at) => {
      const [, key, value] = (argv[at - 1] === '-c' && /^([^=]+)=(.*)$/s.exec(word)) || []
      return key ? [[key, value]] : []
    }),
  )
const edits = (call: Call, network: boolean) => {
  expect(settings(call)).toMatchObject({
    approval_policy: '"never"',
    sandbox_mode: '"workspace-write"',
    'sandbox_workspace_write.writable_roots': JSON.stringify([`${call.cwd}/.git`]),
    'sandbox_workspace_write.network_access': `${network}`,
  })
  expect(existsSync(`${call.cwd}/.git`)).toBe(true)
}

driverContract({
  name: 'codex',
  make: (env) => createCodexDriver({ exec, env, clock }),
  streams: {
    goodTurn: {
      session: '01a1fc76-a01b-73f3-a89b-a34a0aad0cd2',
      events: ['turn.started', 'tool.called', 'message', 'usage', 'turn.ended'],
      tool: { name: 'shell', input: "printf 'hello\\n' > hello.txt && git add hello.txt" },
      duration: 'codex tells no times',
      usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, cacheWriteTokens: 0, turns: 1 },
      summary: 'Added hello.txt.',
    },
    toolFailure: { name: 'shell' },
    secondTurn: {
      usage: { inputTokens: 4_000, outputTokens: 200, cacheReadTokens: 800, cacheWriteTokens: 0, turns: 2 },
      summary: 'Added more.',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: { resetAt: new Date(2026, 10, 21, 7, 11).getTime() },
    streamCut: 'api-error',
    permission: 'notes',
  },
  changed: [
    '{"type":"thread.started","thread_id":7}',
    '{"type":"item.completed","item":"text"}',
    '{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":["text"]}}',
    '{"type":"item.completed","item":{"id":"item_1","type":"new_kind_of_tool"}}',
    '{"type":"turn.completed","usage":{"input_tokens":"many"}}',
    '{"type":"turn.failed","error":"words"}',
  ],
  longLine: (text) =>
    JSON.stringify({
      type: 'item.completed',
      item: {
        id: 'item_9',
        type: 'command_execution',
        command: `/bin/bash -lc '${text}'`,
        aggregated_output: text,
        exit_code: 0,
        status: 'completed',
      },
    }),
  launch: {
    plain: (call) => {
      const { argv } = call
      expect(settings(call)).toMatchObject({ allow_login_shell: 'false' })
      expect(argv.slice(0, 2)).toEqual(['exec', '--json'])
      expect(argv.slice(-2)).toEqual(['--', '-'])
      expect(argv).not.toContain('--model')
    },
    resumed: ({ argv }, session) => {
      expect(argv.slice(0, 3)).toEqual(['exec', 'resume', '--json'])
      expect(argv.slice(-3)).toEqual(['--', session, '-'])
    },
    permissions: {
      read: (call) =>
        expect(settings(call)).toMatchObject({ approval_policy: '"never"', sandbox_mode: '"read-only"' }),
      edits: (call) => edits(call, false),
      ask: (call) => edits(call, false),
      all: ({ argv }) => {
        expect(argv).toContain('--dangerously-bypass-approvals-and-sandbox')
        expect(argv.join(' ')).not.toContain('sandbox_mode')
      },
    },
    profile: (call, prompt) => {
      expect(call.argv[call.argv.indexOf('--model') + 1]).toBe('some/model')
      expect(JSON.parse(settings(call).developer_instructions ?? '')).toBe(prompt)
      edits(call, true)
    },
    mcp: (call) => {
      const allowed = '"default_tools_approval_mode"="approve"'
      expect(settings(call)).toMatchObject({
        'mcp_servers.orch': `{"url"="http://127.0.0.1:9/mcp","bearer_token_env_var"="ORCH_AGENT_TOKEN",${allowed}}`,
        'mcp_servers.files': `{"command"="/bin/echo","args"=["it's \\"one\\"","$HOME"],"env_vars"=["FILES_SECRET"],${allowed}}`,
        'mcp_servers.docs': `{"url"="http://127.0.0.1:9/docs?a=b","env_http_headers"={"X-Key"="DOCS_KEY"},${allowed}}`,
      })
    },
    after: 'ends',
  },
})
