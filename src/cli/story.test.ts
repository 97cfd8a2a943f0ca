import { expect, test } from 'vitest'
import { TASK_EVENTS } from '../journal/journal.ts'
import { STORY_EVENTS, sentence } from './story.ts'

test('every event of a task has its sentence and is part of the story', () => {
  for (const type of TASK_EVENTS) {
    expect(STORY_EVENTS).toContain(type)
    expect(sentence({ type })).not.toContain(type)
  }
})

test.each([
  ['task.leased', { agent: 'general-1' }, 'given to general-1'],
  ['task.accepted', { pullRequest: { number: 7 } }, 'accepted with pull request #7'],
  ['task.accepted', {}, 'accepted with its pull request'],
  ['task.dead', { reason: { code: 'x', message: 'no commit' } }, 'not accepted, no try is left: no commit'],
  ['pr.merged', { number: 3 }, 'pull request #3 merged'],
  ['work.saved', { committed: true, commit: 'abc' }, 'work saved as abc'],
  ['tool.called', { name: 'Bash', input: 'ls' }, 'Bash ls'],
  ['task.waiting', { for: 'quota', resetAt: 0 }, 'waiting for quota, until 1970-01-01T00:00:00.000Z'],
  ['agent.permitted', { allowed: false, about: 'rm -rf /' }, 'a person refused rm -rf /'],
  ['agent.progress', { summary: 'Tests pass', percent: 80 }, 'Tests pass (80 %)'],
  ['agent.completed', { done: false, summary: 'no' }, "the agent's own word: it gives up: no"],
  [
    'breaker.opened',
    { name: 'driver claude', failures: 5, until: 0, error: 'API Error: 500' },
    'driver claude is out of order, left alone until 1970-01-01T00:00:00.000Z: API Error: 500',
  ],
  ['breaker.closed', { name: 'forge github' }, 'forge github works again'],
  ['task.postponed', { reason: { code: 'x', message: 'y' } }, 'put off, no try is used up: y'],
  ['message.sent', { type: 'warning', to: 't-b', payload: { text: 'Mind\nit' } }, 'warning to t-b: Mind it'],
  ['message.dead', { id: 'm-1', reason: { message: 'gone' } }, 'message m-1 could not be delivered: gone'],
  ['message.read', { id: 'm-1' }, 'message m-1 is read'],
  ['something.new', {}, 'something.new'],
])('%s %j: %s', (type, data, text) => {
  expect(sentence({ type, data })).toBe(text)
})

test('what agents print cannot steer the terminal', () => {
  const text = sentence({
    type: 'message',
    data: { text: 'a\u001b]0;title\u0007\u001b[2J\nb\u202ec\u009b1m' },
  })
  expect(text).toMatch(/^[ -~]*$/)
})
