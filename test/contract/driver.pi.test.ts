import { expect } from 'vitest'
import { createPiDriver } from '../../src/agent/pi/pi.ts'
import { exec } from '../../src/exec.ts'
import { driverContract } from './driver.ts'
import type { Call } from './driver-case.ts'

const option = ({ argv }: Call, name: string) => argv[argv.indexOf(name) + 1]
const each = { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, cacheWriteTokens: 0 }

driverContract({
  name: 'pi',
  make: (env) => createPiDriver({ exec, env }),
  streams: {
    goodTurn: {
      session: '01a1fc7f-cad7-773a-afab-b4e888be3efd',
      events: ['turn.started', 'tool.called', 'message', 'usage', 'turn.ended'],
      tool: { name: 'bash', input: "printf 'hello\\n' > hello.txt && git add hello.txt" },
      duration: 'pi tells no times of tools',
      usage: { ...each, turns: 2, costUsd: expect.closeTo(0.00224) },
      summary: 'Added hello.txt.',
    },
    toolFailure: { name: 'bash' },
    secondTurn: {
      usage: {
        inputTokens: 4_000,
        outputTokens: 200,
        cacheReadTokens: 800,
        cacheWriteTokens: 0,
        turns: 4,
        costUsd: expect.closeTo(0.00448),
      },
      summary: 'Added more.',
    },
    apiDown: 'api-error',
    loginRefused: 'login-refused',
    quota: { resetAt: 1_795_238_206_255 + 7_200_000 },
    streamCut: 'api-error',
    permission: 'pi has no permissions: a tool that is not allowed is not there',
  },
  changed: [
    '{"type":"session","id":7}',
    '{"type":"message_end","message":"text"}',
    '{"type":"message_end","message":{"role":"assistant","content":"text"}}',
    '{"type":"tool_execution_end","toolCallId":1}',
    '{"type":"auto_retry_start","attempt":"first"}',
  ],
  longLine: (text) =>
    JSON.stringify({
      type: 'tool_execution_end',
      toolCallId: 'call_9',
      toolName: 'bash',
      result: { content: [{ type: 'text', text }] },
      isError: false,
    }),
  launch: {
    plain: (call) => {
      expect(call.argv.slice(0, 3)).toEqual(['--mode', 'json', '--session-dir'])
      expect(call.argv).not.toContain('--model')
      expect(call.argv).not.toContain('--session')
      expect(call.env).toMatchObject({ PI_TELEMETRY: '0', PI_SKIP_VERSION_CHECK: '1' })
    },
    resumed: (call, session) => expect(option(call, '--session')).toBe(session),
    permissions: {
      read: (call) => expect(option(call, '--tools')).toBe('read,grep,find,ls'),
      edits: (call) => expect(option(call, '--tools')).toBe('read,grep,find,ls,edit,write'),
      ask: (call) => expect(option(call, '--tools')).toBe('read,grep,find,ls,edit,write'),
      all: ({ argv }) => expect(argv).not.toContain('--tools'),
    },
    profile: (call, prompt) => {
      expect(option(call, '--model')).toBe('some/model')
      expect(option(call, '--append-system-prompt')).toBe(prompt)
      expect(option(call, '--tools')).toBe('read,grep,find,ls,edit,write,bash')
    },
    mcp: 'pi knows no MCP',
    after: 'ends',
  },
})
