import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { REFUSED } from '../agent.ts'
import type { AcpOrder } from './order.ts'
import { answerTo } from './policy.ts'
import { createAcpReader, WORD } from './reader.ts'

const order = (more: Partial<AcpOrder> = {}): string =>
  JSON.stringify({
    launch: 'one',
    workspace: '/workspace',
    prompt: 'Do it',
    permissions: 'edits',
    tools: [],
    mcp: [],
    ...more,
  } satisfies AcpOrder)
const line = (message: object) => JSON.stringify({ jsonrpc: '2.0', ...message })
const result = (id: string, it: object) => line({ id, result: it })
const update = (it: object) => line({ method: 'session/update', params: { sessionId: 's', update: it } })
const initialized = (agentCapabilities: object = { loadSession: true, mcpCapabilities: { http: true } }) =>
  result('one:initialize', { protocolVersion: 1, agentCapabilities })
const opened = (more: object = {}) => result('one:session', { sessionId: 's', ...more })
const says = (text: string) =>
  update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } })
const ended = (stopReason = 'end_turn', id = 'one:prompt') => result(id, { stopReason })
const options = [
  { optionId: 'always', kind: 'allow_always' },
  { optionId: 'yes', kind: 'allow_once' },
  { optionId: 'no', kind: 'reject_once' },
]
const asks = (toolCall: object, id = 0) =>
  line({ id, method: 'session/request_permission', params: { sessionId: 's', toolCall, options } })
const shell = (command: string) => ({
  toolCallId: 'c',
  kind: 'execute',
  title: 'bash',
  rawInput: { command },
})

const hear = (lines: string[], kept = order()) => {
  const reader = createAcpReader(kept)
  const heard = lines.map((it) => reader.line(it))
  const replies = heard.flatMap((it) => it.replies ?? [])
  return {
    reader,
    replies,
    sent: replies.map(({ text }) => JSON.parse(text)),
    events: heard.flatMap((it) => it.events),
  }
}

describe('from the first answer to the prompt', () => {
  it('opens a session, then gives the prompt, once', () => {
    const { sent, replies, events } = hear([initialized(), opened(), opened()])
    expect(sent).toEqual([
      {
        jsonrpc: '2.0',
        id: 'one:session',
        method: 'session/new',
        params: { cwd: '/workspace', mcpServers: [] },
      },
      {
        jsonrpc: '2.0',
        id: 'one:prompt',
        method: 'session/prompt',
        params: { sessionId: 's', prompt: [{ type: 'text', text: 'Do it' }] },
      },
    ])
    expect(replies.map(({ once = false }) => once)).toEqual([false, true])
    expect(events).toEqual([{ type: 'turn.started', session: 's' }])
  })

  it.each([
    ['loads', { loadSession: true }, 'session/load'],
    ['rather resumes', { loadSession: true, sessionCapabilities: { resume: {} } }, 'session/resume'],
  ])('%s the session that it goes on with', (_, can, method) => {
    const { sent, events } = hear(
      [initialized(can), says('Of old.'), result('one:session', {}), says('New.'), ended()],
      order({ session: 'old' }),
    )
    expect(sent).toMatchObject([
      { method, params: { sessionId: 'old' } },
      { method: 'session/prompt', params: { sessionId: 'old' } },
    ])
    expect(events[0]).toEqual({ type: 'turn.started', session: 'old' })
    expect(JSON.stringify(events)).not.toContain('Of old.')
  })

  it('a session that cannot be gone on with is gone', () => {
    const gone = { kind: 'failed', reason: { code: 'session-gone' } }
    const kept = order({ session: 'old' })
    expect(hear([initialized({})], kept).reader.outcome()).toMatchObject(gone)
    const error = { code: -32603, message: 'Internal error', data: { details: 'no such session' } }
    const refused = hear([initialized(), line({ id: 'one:session', error })], kept)
    expect(refused.reader.outcome()).toMatchObject(gone)
    expect(refused.sent).toHaveLength(1)
  })

  it.each([
    ['another protocol', [result('one:initialize', { protocolVersion: 2 })], 'agent-failed'],
    ['no answer of the protocol', [result('one:initialize', {})], 'agent-failed'],
    [
      'a login that is missing',
      [
        initialized(),
        line({ id: 'one:session', error: { code: -32000, message: 'Authentication required' } }),
      ],
      'login-refused',
    ],
  ])('%s is final', (_, lines, code) => {
    expect(hear(lines).reader.outcome()).toMatchObject({ kind: 'failed', final: true, reason: { code } })
  })

  it('chooses the model that is asked for, and refuses one that is not there', () => {
    const configOptions = [
      {
        id: 'm',
        category: 'model',
        options: [{ name: 'Big ones', options: [{ value: 'big', name: 'Big' }] }],
      },
    ]
    const { sent } = hear(
      [initialized(), opened({ configOptions }), result('one:set-0', {})],
      order({ model: 'big' }),
    )
    expect(sent.slice(1)).toMatchObject([
      { method: 'session/set_config_option', params: { sessionId: 's', configId: 'm', value: 'big' } },
      { method: 'session/prompt' },
    ])
    const lost = hear([initialized(), opened({ configOptions })], order({ model: 'small' }))
    expect(lost.reader.outcome()).toMatchObject({
      final: true,
      reason: { message: expect.stringContaining('big') },
    })
    const models = { availableModels: [{ modelId: 'old-way' }] }
    expect(hear([initialized(), opened({ models })], order({ model: 'old-way' })).sent[1]).toMatchObject({
      method: 'session/set_model',
      params: { modelId: 'old-way' },
    })
    expect(hear([initialized(), opened()], order({ model: 'big' })).events).toContainEqual(
      expect.objectContaining({ type: 'note' }),
    )
  })

  it('leaves MCP servers out that the agent cannot speak to, and says so', () => {
    const kept = order({ mcp: [{ type: 'http', name: 'docs', url: 'http://x', headers: [] }] })
    const { sent, events } = hear([initialized({})], kept)
    expect(sent[0]).toMatchObject({ params: { mcpServers: [] } })
    expect(events).toEqual([{ type: 'note', text: expect.stringContaining('docs is left out') }])
  })
})

describe('what it is asked', () => {
  const begin = [initialized(), opened()]

  it.each([
    ['all', 'rm -rf /', 'yes'],
    ['edits', 'git push', 'no'],
    ['read', 'git push', 'no'],
  ] as const)('permissions %s answer by themselves', (permissions, command, optionId) => {
    const { sent, events } = hear([...begin, asks(shell(command))], order({ permissions }))
    expect(sent.at(-1)).toMatchObject({ id: 0, result: { outcome: { outcome: 'selected', optionId } } })
    expect(events.some(({ type }) => type === 'waiting')).toBe(false)
    const refused = events.filter((it) => it.type === 'note' && it.text.startsWith(REFUSED))
    expect(refused).toHaveLength(optionId === 'no' ? 1 : 0)
  })

  it('ask waits for a person, and goes on when the tool does', () => {
    const done = update({ sessionUpdate: 'tool_call_update', toolCallId: 'c', status: 'completed' })
    const { sent, events } = hear([...begin, asks(shell('git push'), 7), done], order({ permissions: 'ask' }))
    expect(sent).toHaveLength(2)
    const [, waiting, ...rest] = events
    expect(waiting).toMatchObject({ type: 'waiting', for: 'permission', about: 'execute: git push' })
    const question = waiting?.type === 'waiting' ? (waiting.question ?? '') : ''
    expect(answerTo(question, true)).toEqual({ id: 7, option: 'yes' })
    expect(answerTo(question, false)).toEqual({ id: 7, option: 'no' })
    expect(rest.map(({ type }) => type)).toEqual(['resumed', 'tool.called'])
  })

  it.each(['fs/read_text_file', 'terminal/create', 'new/thing'])('%s is not offered', (method) => {
    const { sent } = hear([...begin, line({ id: 'x', method, params: {} })])
    expect(sent.at(-1)).toMatchObject({ id: 'x', error: { code: -32601 } })
  })
})

describe('how a turn ends', () => {
  it.each([
    ['end_turn', { kind: 'reported', summary: 'All done.' }],
    ['refusal', { kind: 'failed', reason: { code: 'agent-failed' } }],
    ['max_tokens', { kind: 'failed', reason: { code: 'agent-failed' } }],
    ['cancelled', { kind: 'failed', reason: { message: 'the turn was interrupted' } }],
    [7, { kind: 'failed', reason: { code: 'agent-failed' } }],
  ])('%s', (stopReason, outcome) => {
    const { reader } = hear([
      initialized(),
      opened(),
      says('All '),
      says('done.'),
      ended(stopReason as string),
    ])
    expect(reader.outcome()).toMatchObject(outcome)
  })

  it.each([
    [
      { code: 429, message: 'slow down' },
      { kind: 'quota', message: 'slow down' },
    ],
    [
      { code: -32603, message: 'Internal error', data: { details: 'usage limit reached' } },
      { kind: 'quota' },
    ],
    [
      { code: -32603, message: 'fetch failed' },
      { kind: 'failed', reason: { code: 'api-error' } },
    ],
    [{ code: 503, message: '{"error":{"message":"overloaded"}}' }, { reason: { message: 'overloaded' } }],
    [{ code: 1, message: '' }, { reason: { code: 'agent-failed', message: 'error 1' } }],
  ])('%j', (error, outcome) => {
    const { reader } = hear([initialized(), opened(), line({ id: 'one:prompt', error })])
    expect(reader.outcome()).toMatchObject(outcome)
  })

  it('a word is a further turn, heard when it is answered', () => {
    const { reader, events } = hear([initialized(), opened(), says('One.'), ended(), says('Two.')])
    expect(reader.outcome()).toBeUndefined()
    expect(reader.heard?.()).toEqual(new Set())
    reader.line(ended('end_turn', `${WORD}w-1`))
    expect(reader.heard?.()).toEqual(new Set(['w-1']))
    expect(reader.outcome()).toEqual({ kind: 'reported', summary: 'Two.' })
    expect(events.filter(({ type }) => type === 'turn.started')).toHaveLength(2)
  })
})

describe('another daemon', () => {
  const lines = [
    initialized(),
    opened(),
    asks(shell('git status')),
    says('Done.'),
    ended(),
    says('Again.'),
    ended('end_turn', `${WORD}w-1`),
  ]
  const owes = [
    ['one:session'],
    ['one:prompt'],
    ['one:prompt', 'one:answer:0'],
    ['one:prompt', 'one:answer:0'],
    [],
    [],
    [],
  ]

  it.each(lines.map((_, index) => index))(
    'owes what nothing shows to have arrived, after line %i',
    (last) => {
      const { reader } = hear(lines.slice(0, last + 1), order({ tools: ['Bash'] }))
      expect(reader.owed?.().map(({ id }) => id)).toEqual(owes[last])
    },
  )

  it('hears the processes before the one of its order without asking them for anything', () => {
    const before = lines.map((it) => it.replaceAll('"one:', '"zero:'))
    const { reader, replies } = hear(before)
    expect(replies.filter(({ id }) => !id.startsWith('one:answer'))).toEqual([])
    expect(reader.outcome()).toMatchObject({ kind: 'reported', summary: 'Again.' })
    reader.nextProcess()
    expect([reader.outcome(), reader.owed?.()]).toEqual([undefined, []])
    expect(lines.flatMap((it) => reader.line(it).replies ?? []).map(({ id }) => id)).toContain('one:prompt')
    expect(reader.heard?.()).toEqual(new Set(['w-1']))
  })
})

it('counts what a process before told that had loaded the session of the one before it', () => {
  const turn = (launch: string, session: object) => [
    result(`${launch}:initialize`, { protocolVersion: 1 }),
    result(`${launch}:session`, session),
    says('Said.'),
    result(`${launch}:prompt`, { stopReason: 'end_turn', usage: { inputTokens: 10, outputTokens: 1 } }),
  ]
  const reader = createAcpReader(order({ launch: 'three', session: 's' }))
  const events = ['one', 'two', 'three'].flatMap((launch, index) => {
    if (index > 0) reader.nextProcess()
    return turn(launch, index === 0 ? { sessionId: 's' } : {}).flatMap((it) => reader.line(it).events)
  })
  expect(events.filter(({ type }) => type === 'turn.started')).toEqual(
    Array(3).fill({ type: 'turn.started', session: 's' }),
  )
  expect(events.filter(({ type }) => type === 'message')).toHaveLength(3)
  expect(events.findLast(({ type }) => type === 'usage')).toMatchObject({
    usage: { inputTokens: 30, turns: 3 },
  })
})

it('a history that Gemini CLI tells after it has loaded a session is not told as new work', () => {
  const done = (id: string) =>
    update({
      sessionUpdate: 'tool_call',
      toolCallId: id,
      status: 'completed',
      title: 'Shell',
      kind: 'execute',
    })
  const reader = createAcpReader(order({ session: 's' }))
  const before = [initialized(), opened(), done('c-1'), ended()].map((it) => it.replaceAll('"one:', '"zero:'))
  for (const it of before) reader.line(it)
  reader.nextProcess()
  const history = [
    says('I add it.'),
    done('c-1'),
    says('old'),
    update({ sessionUpdate: 'user_message_chunk' }),
  ]
  const after = [initialized(), result('one:session', {}), ...history, done('c-2'), says('New.'), ended()]
  const events = after.flatMap((it) => reader.line(it).events)
  expect(events.filter(({ type }) => type === 'tool.called')).toMatchObject([{ id: 'c-2' }])
  expect(JSON.stringify(events)).not.toContain('old')
})

it('understands what opencode and Gemini CLI told, with an order as without', () => {
  for (const name of ['good-turn', 'permission', 'quota']) {
    const text = readFileSync(
      new URL(`../../../test/fixtures/streams/acp/${name}.jsonl`, import.meta.url),
      'utf8',
    )
    const { sent, events } = hear(
      text.split('\n').filter(Boolean),
      order({ launch: 'launch-1', tools: ['Bash'] }),
    )
    expect(sent.map(({ method }) => method)).toContain('session/prompt')
    expect(events.some(({ type }) => type === 'waiting')).toBe(false)
  }
})
