import { expect, it } from 'vitest'
import type { Profile } from '../../profile/profile.ts'
import type { Task, TaskSpec } from '../../task/task.ts'
import { forProgram } from './launch-spec.ts'

const given = (driver: string, more: { asked?: string; profile?: object }) => {
  const task = { spec: { driver: 'claude', ...(more.asked && { model: more.asked }) } } as Task
  const profile = { name: 'general', tier: 'strong', ...more.profile } as Profile
  const { task: spec, profile: own } = forProgram({ name: driver }, task, profile)
  return [(spec as TaskSpec).model, (own as Profile).model, own.tier]
}

it.each([
  ['claude', { asked: 'opus' }, ['opus', undefined, 'strong']],
  ['codex', { asked: 'opus' }, [undefined, undefined, 'strong']],
  ['claude', { profile: { model: 'opus' } }, [undefined, 'opus', 'strong']],
  ['codex', { profile: { model: 'opus' } }, [undefined, undefined, 'strong']],
  ['codex', { profile: { model: 'gpt', driver: 'codex' } }, [undefined, 'gpt', 'strong']],
  // The task asked for another program than its profile has.
  ['claude', { profile: { model: 'gpt', driver: 'codex' } }, [undefined, undefined, 'strong']],
  ['codex', { asked: 'opus', profile: { model: 'gpt', driver: 'codex' } }, [undefined, 'gpt', 'strong']],
])('%s gets only a model that was meant for it: %j', (driver, more, expected) => {
  expect(given(driver, more)).toEqual(expected)
})
