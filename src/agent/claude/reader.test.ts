import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { createClaudeReader } from './reader.ts'
import { promptId } from './user-message.ts'

const stream = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/streams/claude/${name}.jsonl`, import.meta.url), 'utf8').split(
    '\n',
  )
const replay = (lines: string[]) => {
  const reader = createClaudeReader()
  return { reader, events: lines.flatMap((line) => reader.line(line).events) }
}
const init = JSON.stringify({ type: 'system', subtype: 'init', session_id: 's', model: 'm' })
const result = (more: object) =>
  JSON.stringify({ more: 1, type: 'result', is_error: false, subtype: 'success', result: 'done', ...more })

describe('a turn of Claude Code 2.1.329 as it was recorded', () => {
  const { reader, events } = replay(stream('good-turn'))

  it('becomes the few events, in order', () => {
    expect(events.map((event) => event.type)).toEqual([
      'turn.started',
      'message',
      'tool.called',
      'message',
      'usage',
      'turn.ended',
    ])
    expect(events[0]).toMatchObject({
      session: 'f27a5095-5e30-4d07-8b81-b189096d0394',
      model: 'claude-sonnet-4-5',
    })
    expect(events[2]).toMatchObject({
      name: 'Bash',
      ok: true,
      durationMs: 147,
      input: expect.stringContaining('git commit'),
    })
  })

  it('takes over usage and cost', () => {
    expect(events[4]).toEqual({
      type: 'usage',
      usage: {
        inputTokens: 2000,
        outputTokens: 100,
        cacheReadTokens: 400,
        cacheWriteTokens: 0,
        costUsd: 0.00762,
        turns: 2,
      },
    })
  })

  it('is reported, without an exit', () => {
    expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'done' })
  })
})

it('recognises a dead API although the program says success', () => {
  const { reader, events } = replay(stream('api-down'))
  expect(events.filter((event) => event.type === 'note')).toHaveLength(10)
  expect(events.at(-1)).toMatchObject({ type: 'turn.ended', ok: false })
  expect(reader.outcome()).toMatchObject({ kind: 'failed', reason: { code: 'api-error' } })
})

it.each([401, 403])('a refused login (%i) is final: no other try can help', (status) => {
  const { reader } = replay([
    init,
    result({ is_error: true, terminal_reason: 'api_error', api_error_status: status }),
  ])
  expect(reader.outcome()).toMatchObject({ kind: 'failed', final: true, reason: { code: 'login-refused' } })
})

it('is not done while turns are queued in the program, nor while a new turn runs', () => {
  expect(replay([init, result({ queued_turn_count: 1 })]).reader.outcome()).toBeUndefined()
  expect(replay([init, result({}), init]).reader.outcome()).toBeUndefined()
  expect(replay([init, result({ queued_turn_count: 1 }), init, result({})]).reader.outcome()).toMatchObject({
    kind: 'reported',
  })
})

const heard = (id: string, state: string) =>
  JSON.stringify({ type: 'command_lifecycle', command_uuid: id, state })

const PROMPT = promptId('0192f0c1-0000-4000-8000-000000000001')

it('is not done while a message that it has read waits for its turn', () => {
  const first = [heard(PROMPT, 'queued'), heard(PROMPT, 'started'), init, heard('word', 'queued'), result({})]
  expect(replay(first).reader.outcome()).toBeUndefined()
  expect(replay(first).reader.heard?.()).toEqual(new Set()) // it would be lost if the program ended now
  const begins = [...first, heard(PROMPT, 'completed'), heard('word', 'started')]
  expect(replay(begins).reader.outcome()).toBeUndefined()
  expect(replay(begins).reader.heard?.()).toEqual(new Set(['word']))
  const second = [heard(PROMPT, 'completed'), heard('word', 'started'), init, result({ result: 'heard' })]
  expect(replay([...first, ...second]).reader.outcome()).toEqual({ kind: 'reported', summary: 'heard' })
  expect(replay([...first, heard('word', 'cancelled')]).reader.outcome()).toMatchObject({ kind: 'reported' })
  expect(replay(first).reader.outcome({ phase: 'agent', status: 0 })).toMatchObject({ kind: 'reported' })
})

it('does not claim to know what was heard when the program does not tell', () => {
  expect(replay([init, result({})]).reader.heard?.()).toBeUndefined()
})

it.each([
  ['told a turn', true],
  ['told a session', false],
])('sums the usage of several turns up, when it is %s', (_, each) => {
  const usage = (times: number) => ({
    m: { inputTokens: 10 * times, outputTokens: times, costUSD: 0.25 * times },
  })
  const turn = (number: number) =>
    result({
      num_turns: 2,
      total_cost_usd: 0.25 * number,
      modelUsage: usage(number),
      ...(each && { model_usage_since_last_result: usage(1) }),
    })
  const { events } = replay([init, turn(1), init, turn(2)])
  expect(events.findLast((event) => event.type === 'usage')).toMatchObject({
    usage: { inputTokens: 20, outputTokens: 2, costUsd: 0.5, turns: 4 },
  })
})

it('fails an exit without a result, whatever the status says', () => {
  const { reader } = replay([init])
  expect(reader.outcome({ phase: 'agent', status: 0 })).toMatchObject({
    kind: 'failed',
    reason: { code: 'no-result' },
  })
  expect(reader.outcome({ phase: 'agent', status: 137 }, 'boom\u001b[31m')).toMatchObject({
    reason: { message: expect.stringMatching(/signal 9.*\nboom$/s) },
  })
})

it('tells a quota with its reset time', () => {
  const { events } = replay([
    JSON.stringify({
      type: 'rate_limit_event',
      rate_limit_info: { status: 'rejected', resetsAt: 1_800_000_000 },
    }),
  ])
  expect(events).toEqual([{ type: 'quota.hit', resetAt: 1_800_000_000_000 }])
})

it.each(['{', 'null', '[]', '"text"', '{"no":"type"}', 'plain \u001b[31mwords'])(
  'survives %j and notes it',
  (line) => {
    const { events } = replay([line])
    expect(events).toMatchObject([{ type: 'note' }])
  },
)

it.each(['{"type":"control_response","response":{}}', '{"type":"stream_event"}', ''])(
  'passes over %j',
  (line) => {
    expect(replay([line]).events).toEqual([])
  },
)

it('tells refused permissions once, at once where the program does', () => {
  const denied = JSON.stringify({
    type: 'system',
    subtype: 'permission_denied',
    tool_name: 'Bash',
    message: 'git commit requires approval',
  })
  const denials = [{ tool_name: 'Bash' }, { tool_name: 'Write' }, {}]
  const { events } = replay([init, denied, result({ permission_denials: denials })])
  expect(events.filter(({ type }) => type === 'note')).toEqual([
    { type: 'note', text: 'permission was refused for Bash: git commit requires approval' },
    { type: 'note', text: 'permission was refused for Write' },
  ])
})

const limited = (more: object) => result({ is_error: true, terminal_reason: 'api_error', ...more })
const limit = JSON.stringify({
  type: 'rate_limit_event',
  rate_limit_info: { status: 'rejected', resetsAt: 1_800_000_000 },
})

it.each([
  ['an event tells when', [limit, limited({ api_error_status: 429, result: "You've hit your limit" })], true],
  ['its text tells when', [limited({ result: 'Claude AI usage limit reached|1800000000' })], true],
  ['nothing tells when', [limited({ api_error_status: 429, result: 'rejected (429)' })], false],
])('a quota is a pause: %s', (_, lines, told) => {
  const { reader, events } = replay([init, ...lines])
  const resetAt = told ? { resetAt: 1_800_000_000_000 } : {}
  expect(events.filter(({ type }) => type === 'quota.hit')).toEqual([{ type: 'quota.hit', ...resetAt }])
  expect(reader.outcome()).toEqual({ kind: 'quota', ...resetAt, message: expect.stringMatching(/limit|429/) })
})

it('a try that was turned away, or a limit that did not end the turn, is no quota pause', () => {
  const retry = { type: 'system', subtype: 'api_retry', attempt: 1, max_retries: 9, error_status: 429 }
  expect(replay([init, JSON.stringify(retry), result({})]).events).not.toContainEqual(
    expect.objectContaining({ type: 'quota.hit' }),
  )
  expect(replay([init, limit, result({})]).reader.outcome()).toMatchObject({ kind: 'reported' })
})

it('a session that is gone is told as such', () => {
  const { reader } = replay([
    result({
      is_error: true,
      subtype: 'error_during_execution',
      errors: ['No conversation found with session ID: x'],
    }),
  ])
  expect(reader.outcome()).toMatchObject({ kind: 'failed', reason: { code: 'session-gone' } })
})

it('waits for a permission, and answers at once what it does not offer', () => {
  const reader = createClaudeReader()
  const asks = (subtype: string) =>
    JSON.stringify({
      type: 'control_request',
      request_id: 'q-1',
      request: { subtype, tool_name: 'Bash', input: { command: 'git push' } },
    })
  expect(reader.line(asks('can_use_tool')).events).toEqual([
    { type: 'waiting', for: 'permission', question: 'q-1', about: 'Bash: git push' },
  ])
  const { replies = [] } = reader.line(asks('hook_callback'))
  expect(replies).toMatchObject([{ id: 'control-q-1' }])
  expect(JSON.parse(replies[0]?.text ?? '')).toMatchObject({
    type: 'control_response',
    response: { subtype: 'error', request_id: 'q-1' },
  })
})

it('a new process begins anew, but what was used and heard stays', () => {
  const usage = { modelUsage: { m: { inputTokens: 10, outputTokens: 1, costUSD: 0.5 } }, total_cost_usd: 0.5 }
  const { reader } = replay([heard('one', 'completed'), heard('two', 'queued'), init, limit, limited(usage)])
  reader.nextProcess()
  expect(reader.outcome()).toBeUndefined()
  expect(reader.outcome({ phase: 'agent', status: 1 })).toMatchObject({ reason: { code: 'no-result' } })
  expect(reader.heard?.()).toEqual(new Set(['one']))
  const { events } = reader.line(result(usage))
  expect(events).toContainEqual(
    expect.objectContaining({ usage: expect.objectContaining({ inputTokens: 20, costUsd: 1 }) }),
  )
  expect(reader.outcome()).toMatchObject({ kind: 'reported' })
})
