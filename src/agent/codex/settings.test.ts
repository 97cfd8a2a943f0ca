import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { profileHeader } from '../../profile/profile.ts'
import { instructionSettings, permissionSettings } from './settings.ts'

const profile = (more: object = {}) => ({ ...profileHeader.parse({ name: 'general', ...more }), prompt: '' })

it('names both git directories of a linked worktree as writable', async () => {
  const top = temporaryDirectory()
  const own = join(top, 'repo/.git/worktrees/one')
  mkdirSync(own, { recursive: true })
  mkdirSync(join(top, 'one'))
  writeFileSync(join(top, 'one/.git'), `gitdir: ${own}\n`)
  writeFileSync(join(own, 'commondir'), '../..\n')
  const settings = await permissionSettings(profile(), join(top, 'one'))
  expect(settings).toContain(
    `sandbox_workspace_write.writable_roots=${JSON.stringify([join(top, 'repo/.git'), own])}`,
  )
})

it('the effort follows the tier, as long as no model was chosen', () => {
  expect(instructionSettings(profile({ tier: 'strong' }), undefined)).toEqual([
    '-c',
    'model_reasoning_effort="high"',
  ])
  expect(instructionSettings(profile({ tier: 'fast' }), undefined)).toEqual([
    '-c',
    'model_reasoning_effort="low"',
  ])
  expect(instructionSettings(profile(), undefined)).toEqual([])
  expect(instructionSettings(profile({ tier: 'strong' }), 'some-model')).toEqual([])
})

it('writes any prompt as TOML', () => {
  const [, setting] = instructionSettings({ ...profile(), prompt: 'a "b"\n\\ \u007f \u0001' }, undefined)
  expect(setting).toBe('developer_instructions="a \\"b\\"\\n\\\\ \\u007f \\u0001"')
})
