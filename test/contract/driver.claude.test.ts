import { expect } from 'vitest'
import { createClaudeDriver } from '../../src/agent/claude/claude.ts'
import { exec } from '../../src/exec.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

/** Claude Code 2.1.329. */

const option = ({ argv }: Call, name: string) =>
  argv.includes(name) ? argv[argv.indexOf(name) + 1] : undefined

driverContract({
  name: 'claude',
  make: (env) => createClaudeDriver({ exec, env, uuid: () => crypto.randomUUID() }),
  streams: {
    goodTurn: {
      session: 'f27a5095-5e30-4d07-8b81-b189096d0394',
      events: ['turn.started', 'message', 'tool.called', 'message', 'usage', 'turn.ended'],
      tool: { name: 'Bash', input: 'git commit' },
      duration: 'told',
      usage: {
        inputTokens: 2_000,
        outputTokens: 100,
        cacheReadTokens: 400,
        cacheWriteTokens: 0,
        costUsd: 0.00762,
        turns: 2,
      },
      summary: 'done',
    },
    toolFailure: { name: 'Bash' },
    secondTurn: {
      usage: {
        inputTokens: 3_000,
        outputTokens: 150,
        cacheReadTokens: 600,
        cacheWriteTokens: 0,
        costUsd: 0.01143,
        turns: 3,
      },
      summary: 'the second answer',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: { resetAt: 1_795_245_078_000 },
    streamCut: 'api-error',
    permission: 'asks',
  },
  changed: [
    '{"type":"assistant","message":{"content":"odd"}}',
    '{"type":"system","subtype":"init"}',
    '{"type":"rate_limit_event","rate_limit_info":"none"}',
    '{"type":"control_request","request":{}}',
  ],
  longLine: (text) =>
    JSON.stringify({
      type: 'user',
      message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'long', content: text }] },
    }),
  launch: {
    plain(call) {
      expect(call.argv.slice(0, 6)).toEqual([
        '-p',
        '--input-format',
        'stream-json',
        '--output-format',
        'stream-json',
        '--verbose',
      ])
      expect(call.argv).not.toContain('--model')
      expect(call.argv).not.toContain('--mcp-config')
      expect(call.env).toMatchObject({ DISABLE_AUTOUPDATER: '1' })
    },
    resumed: (call, session) => expect(option(call, '--resume')).toBe(session),
    permissions: {
      read(call) {
        expect(option(call, '--permission-mode')).toBe('default')
        expect(option(call, '--allowedTools')).toBe('Read')
        expect(option(call, '--disallowedTools')).toMatch(/\bWrite\b/)
      },
      edits(call) {
        expect(option(call, '--permission-mode')).toBe('acceptEdits')
        expect(option(call, '--allowedTools')).toBe('Read,Bash(git:*)')
        expect(call.argv).not.toContain('--permission-prompt-tool')
      },
      all: (call) => expect(option(call, '--permission-mode')).toBe('bypassPermissions'),
      ask(call) {
        expect(option(call, '--permission-mode')).toBe('acceptEdits')
        expect(option(call, '--permission-prompt-tool')).toBe('stdio')
      },
    },
    profile(call, prompt) {
      expect(option(call, '--model')).toBe('some/model')
      expect(option(call, '--append-system-prompt')).toBe(prompt)
    },
    mcp(call) {
      expect(call.argv).toContain('--strict-mcp-config')
      expect(option(call, '--mcp-config')).toMatch(/\/claude-mcp\.json$/)
      expect(option(call, '--allowedTools')).toBe('Bash,mcp__orch,mcp__files,mcp__docs')
      expect(call.env).toMatchObject({ ENABLE_TOOL_SEARCH: 'auto' })
      expect(JSON.parse(call.files['claude-mcp.json'] ?? '')).toEqual({
        mcpServers: {
          orch: {
            type: 'http',
            url: 'http://127.0.0.1:9/mcp',
            headers: { Authorization: `Bearer ${variable('ORCH_AGENT_TOKEN')}` },
          },
          files: {
            type: 'stdio',
            command: '/bin/echo',
            args: ['it\'s "one"', '$HOME'],
            env: { FILES_SECRET: variable('FILES_SECRET') },
          },
          docs: {
            type: 'http',
            url: 'http://127.0.0.1:9/docs?a=b',
            headers: { 'X-Key': variable('DOCS_KEY') },
          },
        },
      })
    },
    promptAs: (prompt) => (prompt.startsWith('/') ? ` ${prompt}` : prompt),
    after: 'stays',
  },
})

const variable = (name: string) => `\${${name}:-}`
