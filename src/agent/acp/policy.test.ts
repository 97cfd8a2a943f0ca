import { expect, it } from 'vitest'
import type { ToolCallUpdate } from './messages.ts'
import { answerTo, judgePermission, questionOf } from './policy.ts'

const tool = (kind: string | undefined, more: Partial<ToolCallUpdate> = {}): ToolCallUpdate => ({
  toolCallId: 'c',
  kind,
  ...more,
})
const shell = (command: string) => tool('execute', { rawInput: { command } })
const servers = [{ name: 'orch' }, { name: 'files' }]

it.each([
  ['read', [], tool('read'), 'allow'],
  ['read', ['Bash'], shell('ls'), 'reject'],
  ['read', [], tool('edit'), 'reject'],
  ['read', [], tool(undefined), 'reject'],
  ['read', [], tool('other', { title: 'report_progress (orch MCP Server)' }), 'allow'],
  ['read', [], tool('other', { name: 'mcp_files_delete' }), 'reject'],
  ['edits', [], tool('edit'), 'allow'],
  ['edits', [], tool('delete'), 'allow'],
  ['edits', [], shell('ls'), 'reject'],
  ['edits', ['Bash'], shell('ls; rm x'), 'allow'],
  ['edits', ['Bash(git:*)'], shell('git commit -m "x"'), 'allow'],
  ['edits', ['Bash(git:*)'], shell('gitk'), 'reject'],
  ['edits', ['Bash(git:*)'], shell('git status; rm -rf /'), 'reject'],
  ['edits', ['Bash(git:*)'], shell('git log $(rm x)'), 'reject'],
  ['edits', ['Bash(npm test)'], shell('npm test'), 'allow'],
  ['edits', ['Bash(npm test)'], shell('npm test now'), 'reject'],
  ['edits', ['Bash(git:*)'], tool('execute', { title: 'git status' }), 'allow'],
  ['edits', ['Read(/etc/*)'], tool('fetch'), 'reject'],
  ['edits', ['WebFetch'], tool('fetch'), 'allow'],
  ['edits', [], tool('other', { name: 'mcp__files__list' }), 'allow'],
  ['edits', [], tool('other', { title: 'files_list' }), 'allow'],
  ['edits', [], tool('other', { title: 'filesystem' }), 'reject'],
  ['edits', [], tool('switch_mode'), 'reject'],
  ['edits', [], tool('execute', { name: 'orch_x' }), 'reject'],
  ['ask', [], tool('edit'), 'allow'],
  ['ask', [], shell('ls'), 'ask'],
  ['all', [], shell('ls'), 'allow'],
] as const)('%s %j: %j → %s', (permissions, tools, call, verdict) => {
  expect(judgePermission({ permissions, tools: [...tools] }, call, servers)).toBe(verdict)
})

it('a question carries its answers; without an option to refuse it is called off', () => {
  const question = questionOf(1, 'r', {
    toolCall: tool('edit'),
    options: [{ optionId: 'ok', kind: 'allow_always' }],
  })
  expect(question).toMatch(/^[\w-]+$/)
  expect(answerTo(question, true)).toEqual({ id: 'r', option: 'ok' })
  expect(answerTo(question, false)).toEqual({ id: 'r', option: undefined })
  expect(questionOf(2, 'r', { toolCall: tool('edit'), options: [] })).not.toBe(
    questionOf(1, 'r', { toolCall: tool('edit'), options: [] }),
  )
  expect(answerTo('no question', true)).toBeUndefined()
})
