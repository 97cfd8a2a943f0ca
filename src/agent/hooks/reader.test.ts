import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { AgentEvent } from '../../journal/journal.ts'
import type { OutputReader } from '../agent.ts'
import { CLAUDE_HOOKS } from '../claude/hook-facts.ts'
import { CODEX_HOOKS } from '../codex/hook-facts.ts'
import { GEMINI_HOOKS } from '../gemini/hook-facts.ts'
import { createHookReader } from './reader.ts'

/** What the hooks of the three programs told in their terminals (test/fixtures/streams), as events and outcomes. */

const claude = () => createHookReader('claude', CLAUDE_HOOKS)
const codex = () => createHookReader('codex', CODEX_HOOKS)
const gemini = () => createHookReader('gemini', GEMINI_HOOKS)

const recorded = (file: string): string[] =>
  readFileSync(new URL(`../../../test/fixtures/streams/${file}.jsonl`, import.meta.url), 'utf8')
    .split('\n')
    .filter(Boolean)
const heard = (reader: OutputReader, lines: string[]): AgentEvent[] =>
  lines.flatMap((line) => reader.line(line).events)
const types = (events: AgentEvent[]) => events.map(({ type }) => type)
const hook = (name: string, data: object = {}, at = 1) => JSON.stringify({ hook: name, at, data })
const start = (session: string, source = 'startup') => hook('SessionStart', { session_id: session, source })

it('claude: leave that is asked for, two turns, each with its words', () => {
  const reader = claude()
  const events = heard(reader, recorded('claude/hooks-permission-two-turns'))
  expect(types(events)).toEqual([
    ...['turn.started', 'waiting', 'tool.called', 'message', 'turn.ended'],
    ...['turn.started', 'waiting', 'tool.called', 'message', 'turn.ended'],
  ])
  expect(events[0]).toMatchObject({
    session: expect.stringMatching(/^[0-9a-f-]{36}$/),
    model: 'claude-opus-5-5',
  })
  expect(events[1]).toEqual({
    type: 'waiting',
    for: 'permission',
    about: 'Bash touch /home/dev/forbidden',
  })
  expect(events[2]).toMatchObject({ name: 'Bash', input: 'touch /home/dev/forbidden', ok: true })
  expect(events[2]).toHaveProperty('durationMs')
  expect(events.at(-1)).toEqual({ type: 'turn.ended', ok: true, text: 'done' })
  expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'done' })
})

it('claude: a tool that failed, and a person who left after the turn', () => {
  const reader = claude()
  const events = heard(reader, recorded('claude/hooks-failed-tool'))
  expect(events).toContainEqual(expect.objectContaining({ type: 'tool.called', name: 'Bash', ok: false }))
  expect(reader.outcome({ phase: 'agent', status: 0 })).toEqual({ kind: 'reported', summary: 'fail done' })
})

it.each([
  ['claude/hooks-api-down', { kind: 'failed', reason: { code: 'api-error' } }, ['turn.ended']],
  [
    'claude/hooks-login-refused',
    { kind: 'failed', reason: { code: 'login-refused' }, final: true },
    ['turn.ended'],
  ],
  ['claude/hooks-quota', { kind: 'quota' }, ['quota.hit', 'turn.ended']],
])('%s', (file, outcome, last) => {
  const reader = claude()
  const events = heard(reader, recorded(file))
  expect(types(events)).toEqual(['turn.started', ...last])
  expect(reader.outcome()).toMatchObject(outcome)
})

it('claude: a quota tells when it comes back, where its words do', () => {
  const reader = claude()
  const text = 'Claude AI usage limit reached|1795245078'
  heard(reader, [
    start('s'),
    hook('UserPromptSubmit'),
    hook('StopFailure', { error: 'rate_limit', last_assistant_message: text }),
  ])
  expect(reader.outcome()).toEqual({ kind: 'quota', message: text, resetAt: 1_795_245_078_000 })
})

it('codex: a turn', () => {
  const reader = codex()
  const events = heard(reader, recorded('codex/hooks-good-turn'))
  expect(types(events)).toEqual(['turn.started', 'tool.called', 'message', 'turn.ended'])
  expect(events[1]).not.toHaveProperty('ok')
  expect(events[1]).toMatchObject({ name: 'Bash', input: expect.stringContaining('git commit') })
  expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'done' })
})

it('codex: a person has ended the turn: it waits, and leaving it then is no success', () => {
  const reader = codex()
  const events = heard(reader, recorded('codex/hooks-interrupted'))
  expect(types(events)).toEqual(['turn.started', 'tool.called', 'turn.ended', 'waiting'])
  expect(events.at(-1)).toEqual({ type: 'waiting', for: 'input' })
  expect(reader.outcome()).toBeUndefined()
  expect(reader.outcome({ phase: 'agent', status: 0 })).toMatchObject({ reason: { code: 'agent-failed' } })
})

it('gemini: a turn, and leave that is asked for', () => {
  const reader = gemini()
  expect(types(heard(reader, recorded('gemini/hooks-good-turn')))).toEqual([
    ...['turn.started', 'tool.called', 'message', 'turn.ended'],
  ])
  expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'done' })
  const asked = heard(gemini(), recorded('gemini/hooks-permission'))
  expect(types(asked)).toEqual(['turn.started', 'waiting', 'tool.called', 'message', 'turn.ended'])
  expect(asked[2]).toMatchObject({ name: 'run_shell_command', input: 'touch /home/dev/forbidden' })
  expect(asked[2]).not.toHaveProperty('ok')
  expect((asked[2] as { durationMs: number }).durationMs).toBeGreaterThan(60_000)
})

it.each([
  ['read_file', { error: { message: 'no such file' } }, { ok: false }],
  ['read_file', { llmContent: 'text' }, { ok: true }],
  ['run_shell_command', { error: { message: 'refused' } }, { ok: false }],
  ['run_shell_command', { llmContent: 'Exit Code: 3' }, {}],
  ['read_file', undefined, {}],
])('gemini: %s with %j', (tool_name, tool_response, ok) => {
  const [called] = heard(gemini(), [hook('AfterTool', { tool_name, tool_response })])
  expect(called).toEqual({ type: 'tool.called', id: expect.any(String), name: tool_name, ...ok })
})

it.each([
  ['claude', claude, 'claude/hooks-escaped'],
  ['codex', codex, 'codex/hooks-login-refused'],
  ['gemini', gemini, 'gemini/hooks-api-down'],
])('%s: what no hook tells leaves the turn open', (_, make, file) => {
  const reader = make()
  heard(reader, recorded(file))
  expect(reader.outcome()).toBeUndefined()
  expect(reader.outcome({ phase: 'agent', status: 143 })).toMatchObject({
    kind: 'failed',
    reason: { code: 'agent-failed', message: expect.stringContaining('signal 15') },
  })
})

it('a program that ends before anything began gave no result', () => {
  const reader = claude()
  heard(reader, [start('s')])
  expect(reader.outcome({ phase: 'agent', status: 1 })).toMatchObject({ reason: { code: 'no-result' } })
})

it('a new process forgets the end of the one before', () => {
  const reader = claude()
  heard(reader, recorded('claude/hooks-permission-two-turns'))
  reader.nextProcess()
  expect(reader.outcome()).toBeUndefined()
  heard(reader, [
    start('again', 'resume'),
    hook('UserPromptSubmit'),
    hook('Stop', { last_assistant_message: 'again' }),
  ])
  expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'again' })
})

it('a program of the same kind that the agent starts itself does not speak for it', () => {
  const reader = gemini()
  const from = (session: string, name: string) =>
    hook(name, { session_id: session, prompt_response: session })
  const events = heard(reader, [
    ...[start('own'), from('own', 'BeforeAgent'), start('inner'), from('inner', 'BeforeAgent')],
    ...[from('inner', 'AfterAgent'), from('inner', 'SessionEnd')],
  ])
  expect(events).toEqual([{ type: 'turn.started', session: 'own' }])
  expect(reader.outcome()).toBeUndefined()
  expect(heard(reader, [start('next', 'clear'), from('next', 'BeforeAgent')])).toEqual([
    { type: 'turn.started', session: 'next' },
  ])
})

it('a tool after the end goes on with the turn; one that outlives it is told of once', () => {
  const reader = claude()
  const begins = (id: string) =>
    hook('PreToolUse', { tool_name: 'Bash', tool_input: { command: 'x' }, tool_use_id: id })
  const events = heard(reader, [
    ...[start('s'), hook('UserPromptSubmit'), begins('a'), hook('Stop', { last_assistant_message: 'one' })],
    hook('PostToolUse', { tool_name: 'Bash', tool_use_id: 'a' }),
  ])
  expect(events.filter(({ type }) => type === 'tool.called')).toEqual([
    { type: 'tool.called', id: 'a', name: 'Bash', input: 'x' },
  ])
  expect(reader.outcome()).toMatchObject({ kind: 'reported' })
  heard(reader, [begins('b')])
  expect(reader.outcome()).toBeUndefined()
})

it('calls without names of their own are told apart by what they were asked', () => {
  const call = (name: string, command: string, at: number) =>
    hook(name, { tool_name: 'run_shell_command', tool_input: { command } }, at)
  const events = heard(gemini(), [
    ...[start('s'), hook('BeforeAgent'), call('BeforeTool', 'a', 1), call('BeforeTool', 'b', 2)],
    ...[call('AfterTool', 'b', 12), call('AfterTool', 'a', 101)],
  ]).filter((event) => event.type === 'tool.called')
  expect(events).toMatchObject([
    { input: 'b', durationMs: 10 },
    { input: 'a', durationMs: 100 },
  ])
  expect(new Set(events.map(({ id }) => id)).size).toBe(2)
})

const WORD = '7325b00a-bb38-413f-90fd-846f321021ed'
it.each([
  ['claude', claude, []],
  ['codex', codex, []],
  ['gemini', gemini, ['turn.started']],
])('%s: its turn goes on with what the hook handed over', (name, make, again) => {
  const reader = make()
  const events = heard(reader, recorded(`${name}/hooks-words-handed-over`))
  expect(types(events)).toEqual([
    ...['turn.started', 'tool.called', 'message', 'words.read', ...again],
    ...['tool.called', 'message', 'turn.ended'],
  ])
  expect(events).toContainEqual({ type: 'words.read', words: [WORD], at: expect.any(Number) })
  const said = events.flatMap((event) => (event.type === 'message' ? event.text : []))
  expect(said).toEqual(['Slow file added.', 'One file added.'])
  expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'One file added.' })
  expect([...(reader.heard?.() ?? [])]).toEqual([WORD])
})

it('what was handed over counts as read when the program has done something after it', () => {
  const stop = (took?: unknown) =>
    JSON.stringify({ hook: 'Stop', at: 7, data: { last_assistant_message: 'x' }, took })
  const reader = claude()
  heard(reader, [start('s'), hook('UserPromptSubmit'), stop(['a', 'b'])])
  expect(reader.outcome()).toBeUndefined()
  expect([[...(reader.taken?.() ?? [])], [...(reader.heard?.() ?? [])]]).toEqual([['a', 'b'], []])
  heard(reader, [hook('UserPromptSubmit'), hook('Notification', { notification_type: 'idle_prompt' })])
  expect(reader.heard?.()?.size).toBe(0)
  heard(reader, [stop(['c'])])
  expect([...(reader.heard?.() ?? [])]).toEqual(['a', 'b'])
  // It was ended before it did anything: it may not have read the last one.
  reader.nextProcess()
  expect([[...(reader.taken?.() ?? [])], [...(reader.heard?.() ?? [])]]).toEqual([[], ['a', 'b']])
  heard(reader, [start('s', 'resume'), hook('UserPromptSubmit'), stop([7, null]), stop('all')])
  expect(reader.outcome()).toMatchObject({ kind: 'reported' })
  expect([...(reader.heard?.() ?? [])]).toEqual(['a', 'b'])
})

it('what it does not know or understand is a note, once; it never throws', () => {
  const lines = [
    hook('TeaTime'),
    hook('TeaTime'),
    hook('SessionStart', { session_id: 7 }),
    hook('toString'),
    '{"hook":"Stop","at":"soon","data":null}',
    '{"hook":7}',
    '{"hook":"Stop","at":1,"data":{"sess',
    'null',
    '[]',
    '',
  ]
  for (const make of [claude, codex, gemini]) {
    const events = heard(make(), lines)
    expect(new Set(types(events))).toEqual(new Set(['note']))
    expect(events).toContainEqual({ type: 'note', text: 'unknown event: hook TeaTime' })
  }
})
