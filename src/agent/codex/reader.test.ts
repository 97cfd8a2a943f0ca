import { expect, it } from 'vitest'
import { streamOf } from '../../../test/contract/driver-case.ts'
import { createCodexReader } from './reader.ts'

const replay = (lines: readonly string[]) => {
  const reader = createCodexReader(() => 0)
  return { reader, events: lines.flatMap((line) => reader.line(line).events) }
}
const ENDED = { phase: 'agent', status: 1 } as const
const item = (more: object) => JSON.stringify({ type: 'item.completed', item: { id: 'item_1', ...more } })

it('a service that throttles until Codex gives up is a quota without a time', () => {
  const { events, reader } = replay(streamOf('codex', 'throttled'))
  expect(events).toContainEqual({ type: 'quota.hit' })
  expect(reader.outcome(ENDED)).toEqual({
    kind: 'quota',
    message: 'exceeded retry limit, last status: 429 Too Many Requests',
  })
})

it('a session that is gone', () => {
  const words =
    'Error: thread/resume: thread/resume failed: no rollout found for thread id 01a1fc76 (code -32600)'
  expect(replay([]).reader.outcome(ENDED, words)).toMatchObject({ reason: { code: 'session-gone' } })
})

it.each([
  [
    { type: 'mcp_tool_call', server: 'docs', tool: 'find', arguments: { q: 1 }, status: 'completed' },
    'docs.find',
    '{"q":1}',
    true,
  ],
  [
    { type: 'mcp_tool_call', server: 'docs', tool: 'find', error: { message: 'no' }, status: 'failed' },
    'docs.find',
    '""',
    false,
  ],
  [
    {
      type: 'file_change',
      changes: [
        { path: 'a', kind: 'add' },
        { path: 'b', kind: 'update' },
      ],
      status: 'completed',
    },
    'apply_patch',
    'add a, update b',
    true,
  ],
  [{ type: 'web_search', query: 'words' }, 'web_search', 'words', true],
  [
    { type: 'command_execution', command: '/bin/zsh -lc "echo \\"$A\\""', exit_code: 2, status: 'failed' },
    'shell',
    'echo "$A"',
    false,
  ],
])('tool %#', (it, name, input, ok) => {
  expect(replay([item(it)]).events).toEqual([{ type: 'tool.called', id: '0.item_1', name, input, ok }])
})

it('thoughts and plans are passed over', () => {
  expect(
    replay([item({ type: 'reasoning', text: 'hm' }), item({ type: 'todo_list', items: [] })]).events,
  ).toEqual([])
})
