import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import { complaintOf } from './complaints.ts'
import { configOf } from './config.ts'
import { createOpencodeReader } from './reader.ts'
import { verdictOf } from './verdict.ts'

const log = (more: string) => `timestamp=2026-11-21T05:26:47.319Z level=ERROR run=1 ${more}`
const failure = (error: string) =>
  log(`message="stream error" session.id=ses_1 mode=primary error.error="AI_APICallError: ${error}"`)
const ENDED = { phase: 'agent', status: 0 } as const
const step = (reason: string) =>
  JSON.stringify({ type: 'step_finish', sessionID: 'ses_1', part: { reason, tokens: {} } })

describe('the log beside the events', () => {
  it.each([
    [log('message="stream error" error.error="a \\"b\\" c"'), { type: 'service', error: 'a "b" c' }],
    [
      log('message=failed ref=x error="Model not found: a/b."'),
      { type: 'cause', error: 'Model not found: a/b.' },
    ],
    [log('message="Failed to fetch models.dev" cause="x"'), { type: 'passed-over' }],
    [
      '\u001b[93m\u001b[1m! \u001b[0mpermission requested: bash (ls); auto-rejecting',
      { type: 'refused', about: 'bash (ls)' },
    ],
    ['\u001b[91m\u001b[1mError: \u001b[0mSession not found', { type: 'session-gone' }],
    ['{"type":"text"}', undefined],
    ['plain words', undefined],
  ])('%j', (line, expected) => {
    if (expected) expect(complaintOf(line)).toMatchObject(expected)
    else expect(complaintOf(line)).toBeUndefined()
  })
})

describe('a service that is asked again in silence', () => {
  const read = (...lines: string[]) => {
    const reader = createOpencodeReader()
    return { reader, events: lines.flatMap((line) => reader.line(line).events) }
  }

  it('is a pause when it will take long, with the session to go on with', () => {
    const { reader, events } = read(failure('You exceeded your current quota. Please retry in 2h.'))
    const resetAt = Date.parse('2026-11-21T05:26:47.319Z') + 7_200_000
    expect(events).toEqual([
      { type: 'turn.started', session: 'ses_1' },
      { type: 'quota.hit', resetAt },
    ])
    expect(reader.outcome()).toMatchObject({ kind: 'quota', resetAt })
  })

  it.each(['Rate limit reached. Please try again in 20s.', 'Rate limit reached', 'Overloaded'])(
    'is only noted when it will be short: %s',
    (words) => {
      const { reader, events } = read(failure(words))
      expect(events.at(-1)).toEqual({ type: 'note', text: expect.stringContaining(words) })
      expect(reader.outcome()).toBeUndefined()
    },
  )

  it('is no pause any more when an answer comes', () => {
    const { reader } = read(failure('insufficient_quota'), step('stop'))
    expect(reader.outcome()).toBeUndefined()
    expect(reader.outcome(ENDED)).toMatchObject({ kind: 'reported' })
  })
})

describe('how a turn ends', () => {
  const outcome = (...lines: string[]) => {
    const reader = createOpencodeReader()
    for (const line of lines) reader.line(line)
    return reader.outcome(ENDED)
  }
  it('with status 0 after a permission was refused: no result', () => {
    expect(outcome(step('tool-calls'))).toMatchObject({ reason: { code: 'no-result' } })
  })
  it('with an answer that was too long', () => {
    expect(outcome(step('length'))).toMatchObject({ reason: { code: 'agent-failed' } })
  })
  it('with an error whose cause only the log tells', () => {
    const error = { name: 'UnknownError', data: { message: 'Unexpected server error.' } }
    const line = JSON.stringify({ type: 'error', timestamp: 1, sessionID: 'ses_1', error })
    expect(outcome(log('message=failed error="Model not found: a/b."'), line)).toEqual({
      kind: 'failed',
      final: true,
      reason: { code: 'no-such-model', message: 'Model not found: a/b.' },
    })
  })
  it('with a session that it does not know, as it was recorded', () => {
    const file = new URL('../../../test/fixtures/streams/opencode/session-gone.jsonl', import.meta.url)
    expect(outcome(...readFileSync(file, 'utf8').split('\n'))).toMatchObject({
      reason: { code: 'session-gone' },
    })
  })
  it('with its last words when it breaks off', () => {
    expect(outcome('unable to open database file')).toMatchObject({
      reason: { code: 'no-result', message: expect.stringContaining('unable to open database file') },
    })
  })
})

describe('errors of the service', () => {
  const at = 1_000_000
  const error = { name: 'APIError', message: 'no', retryable: false }
  it.each([
    [
      { status: 429, retryAfter: '90' },
      { kind: 'quota', resetAt: at + 90_000 },
    ],
    [
      { status: 429, retryAfter: 'Sat, 21 Nov 2026 06:00:00 GMT' },
      { kind: 'quota', resetAt: Date.parse('2026-11-21T06:00:00Z') },
    ],
    [{ status: 403 }, { kind: 'failed', final: true, reason: { code: 'login-refused' } }],
    [{ name: 'ProviderAuthError' }, { kind: 'failed', final: true }],
    [{ status: 503 }, { kind: 'failed', reason: { code: 'api-error' } }],
    [{ retryable: true }, { kind: 'failed', reason: { code: 'api-error' } }],
    [
      { status: 404, message: 'model: nonsuch not found' },
      { kind: 'failed', reason: { code: 'no-such-model' } },
    ],
    [{ status: 400 }, { kind: 'failed', reason: { code: 'agent-failed' } }],
  ])('%j', (more, expected) => expect(verdictOf({ ...error, ...more }, at)).toMatchObject(expected))
  it('has no reset that is not told', () => {
    expect(verdictOf({ ...error, status: 429, retryAfter: 'soon' }, at)).not.toHaveProperty('resetAt')
  })
})

describe('the configuration', () => {
  const config = (mcp: McpServer[], env = {}, tools = ['Bash']) =>
    configOf({ profile: { permissions: 'edits', tools }, mcp, env })
  const permission = (...tools: string[]) => JSON.parse(config([], {}, tools)).permission

  it('lets it put in what is meant as a variable, and nothing else', () => {
    const text = config([
      { name: 'a', command: ['run', '{env:HOME}', '{file:/etc/passwd}', '\\{env:A}"'], env: [] },
      { name: 'b', url: 'http://b/{env:HOME}', bearer: 'TOKEN', headers: {} },
    ])
    expect(text.match(/\{(env|file):[^}]*\}/g)).toEqual(['{env:TOKEN}'])
    expect(JSON.parse(text).mcp.a.command).toEqual(['run', '{env:HOME}', '{file:/etc/passwd}', '\\{env:A}"'])
  })

  it.each(['a"b', 'a\\b', 'a\nb'])('refuses a value that would break it and be printed: %j', (value) => {
    const server = { name: 'b', url: 'http://b', bearer: 'TOKEN', headers: {} }
    expect(() => config([server], { TOKEN: value })).toThrow(/TOKEN/)
    expect(() => config([server], { TOKEN: value })).not.toThrow(value)
  })

  it('hides the token of the agent from servers that it starts, when they are not to have it', () => {
    const server = { name: 'a', command: ['run'] as [string], env: ['ORCH_AGENT_TOKEN'] }
    expect(JSON.parse(config([server])).mcp.a.environment).toEqual({})
    expect(JSON.parse(config([{ ...server, env: [] }])).mcp.a.environment).toEqual({ ORCH_AGENT_TOKEN: '' })
  })

  it('allows what is listed', () => {
    expect(
      permission('Bash(npm test)', 'Bash(git log:*)', 'WebFetch', 'Edit(src/**)', 'skill'),
    ).toMatchObject({
      bash: { '*': 'deny', 'npm test': 'allow', 'git log': 'allow', 'git log *': 'allow' },
      webfetch: 'allow',
      skill: 'allow',
      external_directory: 'deny',
    })
    expect(Object.keys(permission())[0]).toBe('*')
  })
})
