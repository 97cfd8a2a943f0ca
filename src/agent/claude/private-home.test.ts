import { mkdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import type { Env } from '../../exec.ts'
import type { LaunchOrder } from '../agent.ts'
import { makeHome } from './private-home.ts'

const KEY = `sk-ant-${'x'.repeat(30)}-the-last-twenty-char`

function place() {
  const root = temporaryDirectory('orch-claude-home')
  const [person, home] = [join(root, 'person'), join(root, 'task')]
  mkdirSync(join(person, '.claude/skills'), { recursive: true })
  mkdirSync(home)
  const make = (env: Env = {}) =>
    makeHome({
      home,
      workspace: '/trees/t-1',
      task: { repo: '/repo' },
      env: { HOME: person, ...env },
    } as unknown as LaunchOrder)
  const state = () => JSON.parse(readFileSync(join(home, 'claude/.claude.json'), 'utf8'))
  return { person, home, make, state }
}

it('answers every dialog for a person who has never started the program', async () => {
  const { home, make, state } = place()
  expect(await make({ ANTHROPIC_API_KEY: KEY })).toEqual({
    CLAUDE_CONFIG_DIR: join(home, 'claude'),
    CLAUDE_SECURESTORAGE_CONFIG_DIR: '',
  })
  expect(state()).toMatchObject({
    hasCompletedOnboarding: true,
    projects: {
      '/repo': { hasTrustDialogAccepted: true },
      '/trees/t-1': { hasTrustDialogAccepted: true },
    },
    customApiKeyResponses: { approved: ['the-last-twenty-char'], rejected: [] },
  })
  expect(JSON.stringify(state())).not.toContain(KEY)
})

it("takes over what the person has, and changes nothing of it; the program's own words of before stay", async () => {
  const { person, home, make, state } = place()
  const own = JSON.stringify({
    oauthAccount: { name: 'dev' },
    projects: { '/repo': { allowedTools: ['Bash'] }, '/other': {} },
    customApiKeyResponses: { approved: ['a'], rejected: ['the-last-twenty-char'] },
  })
  writeFileSync(join(person, '.claude.json'), own)
  writeFileSync(join(person, '.claude/settings.json'), '{"theme":"light"}')
  await make({ ANTHROPIC_API_KEY: KEY })
  expect(state()).toMatchObject({
    oauthAccount: { name: 'dev' },
    projects: { '/repo': { allowedTools: ['Bash'], hasTrustDialogAccepted: true }, '/other': {} },
    customApiKeyResponses: { approved: ['a', 'the-last-twenty-char'], rejected: [] },
  })
  expect(readFileSync(join(person, '.claude.json'), 'utf8')).toBe(own)
  expect(readFileSync(join(home, 'claude/settings.json'), 'utf8')).toBe('{"theme":"light"}')
  expect(readlinkSync(join(home, 'claude/skills'))).toBe(join(person, '.claude/skills'))
  writeFileSync(join(home, 'claude/.claude.json'), JSON.stringify({ ...state(), numStartups: 2 }))
  await make({})
  expect(state()).toMatchObject({ numStartups: 2, oauthAccount: { name: 'dev' } })
})

it('a directory of its own for settings; broken settings are none', async () => {
  const { person, make, state } = place()
  writeFileSync(join(person, '.claude/.claude.json'), '{"numStartups":')
  const CLAUDE_CONFIG_DIR = join(person, '.claude')
  expect(await make({ CLAUDE_CONFIG_DIR })).toMatchObject({
    CLAUDE_SECURESTORAGE_CONFIG_DIR: CLAUDE_CONFIG_DIR,
  })
  expect(state()).toMatchObject({ hasCompletedOnboarding: true })
  expect(state()).not.toHaveProperty('customApiKeyResponses')
})
