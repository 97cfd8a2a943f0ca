import { expect, it } from 'vitest'
import { SAFE_NAME } from '../id.ts'
import type { Task } from '../task/task.ts'
import { agentName } from './agent-name.ts'

const named = (profile: string, epoch = 1) =>
  agentName({ id: 't-79pk5m7mp2nr', spec: { profile } } as unknown as Task, epoch)

it.each([
  ['general', 'task-agent-79pk5m7mp2nr-1'],
  ['worker', 'worker-79pk5m7mp2nr-1'],
  ['backend-api-developer', 'backend-api-developer-79pk5m7mp2nr-1'],
  ['twenty-one-and-a-half-long', 'twenty-one-and-a-half-79pk5m7mp2nr-1'],
  ['ends-with-two-dashes--there', 'ends-with-two-dashes-79pk5m7mp2nr-1'],
])('an agent of the profile %s is %s', (profile, name) => {
  expect(named(profile)).toBe(name)
})

it('is a name that is safe, whatever the profile and for a thousand attempts', () => {
  for (const profile of ['a'.repeat(40), `a${'-'.repeat(39)}`, 'general'])
    expect(named(profile, 1_000)).toMatch(SAFE_NAME)
})
