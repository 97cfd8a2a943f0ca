import { expect, it } from 'vitest'
import { draftProfile } from './draft.ts'
import { parseProfile } from './parse.ts'
import { profileHeader } from './profile.ts'
import { createProfiles } from './profiles.ts'

const builtIn = (await createProfiles({ userDirectory: '/nonexistent' }).list(undefined)).profiles
const parsed = (text: string, stem: string) => {
  const result = parseProfile(text, stem)
  if ('faults' in result) throw new Error(JSON.stringify(result.faults))
  return result
}

it.each(builtIn)('a draft from $profile.name is the same under another name', ({ profile, text }) => {
  expect(parsed(draftProfile('mine', { text }), 'mine')).toEqual({
    profile: { ...profile, name: 'mine' },
    warnings: [],
  })
})

it('tells in comments all that can be said, each as it can be taken in', () => {
  const text = '---\r\nname: old\r\n# kept\r\nmodel: big\r\n---\r\n\r\nPrompt.\r\n'
  const draft = draftProfile('mine', { text })
  expect(draft).toMatch(
    /^---\nname: mine\n# kept\nmodel: big\n# description: .*\n# cap[\s\S]*\n---\nPrompt\.\n$/,
  )
  const header = draft.replace(/^# (?=[a-z]+: )/gm, '')
  for (const key of Object.keys(profileHeader.shape)) expect(header).toMatch(new RegExp(`^${key}: `, 'm'))
  expect(parsed(header, 'mine')).toMatchObject({
    profile: { model: 'big', driver: 'claude', mcp: ['memory'] },
  })
})

it('from a file that has only a text', () => {
  expect(parsed(draftProfile('mine', { text: '---\n---\nPrompt.' }), 'mine').profile).toMatchObject({
    name: 'mine',
    prompt: 'Prompt.',
  })
})
