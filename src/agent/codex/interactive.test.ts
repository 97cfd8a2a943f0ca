import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import type { LaunchOrder } from '../agent.ts'
import { CODEX_HOOKS } from './hook-facts.ts'
import { launchInteractive } from './interactive.ts'

const order = (more: object = {}) =>
  ({
    task: { repo: '/repo "x"' },
    prompt: '/init is text',
    workspace: '/trees/t-1',
    directory: "/state/it's",
    profile: { permissions: 'all', tools: [], tier: 'standard' },
    mcp: [],
    ...more,
  }) as unknown as LaunchOrder

const settings = (argv: readonly string[], key: string) =>
  argv.filter((_, index) => argv[index - 1] === '-c').filter((it) => it.startsWith(`${key}=`))

it('says on the command line what it must not ask for', async () => {
  const { argv, stdin, files } = await launchInteractive('/bin/codex', order())
  expect(stdin).toBe('terminal')
  expect(settings(argv, 'projects')).toEqual([
    'projects={"/repo \\"x\\""={trust_level="trusted"},"/trees/t-1"={trust_level="trusted"}}',
  ])
  expect(argv.slice(-2)).toEqual(['--', '/init is text'])
  expect(argv).not.toContain('--dangerously-bypass-hook-trust')
  expect(Object.keys(files ?? {})).toEqual(['codex-hook.sh'])
})

it('trusts its own hooks by the hash that the program writes for them', async () => {
  const { argv } = await launchInteractive('/bin/codex', order())
  const [state = ''] = settings(argv, 'hooks.state')
  for (const name of Object.keys(CODEX_HOOKS)) expect(settings(argv, `hooks.${name}`)).toHaveLength(1)
  expect(state.match(/trusted_hash="sha256:[0-9a-f]{64}"/g)).toHaveLength(Object.keys(CODEX_HOOKS).length)
  // The form was found by letting 0.169.0 write down its trust; two of its hooks are given three seconds at most.
  const identity = (event: string, name: string, timeout: number) =>
    `{"event_name":"${event}","hooks":[{"async":false,"command":"sh '/state/it'\\\\''s/codex-hook.sh' ${name}","timeout":${timeout},"type":"command"}]}`
  const hash = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
  const entry = (event: string, name: string, timeout: number) =>
    `"/<session-flags>/config.toml:${event}:0:0"={trusted_hash="${hash(identity(event, name, timeout))}"}`
  expect(state).toContain(entry('user_prompt_submit', 'UserPromptSubmit', 10))
  expect(state).toContain(entry('session_end', 'SessionEnd', 3))
})

it('goes on with a session, and asks where the profile says so', async () => {
  const profile = { permissions: 'ask', tools: [], tier: 'standard' }
  const { argv } = await launchInteractive('/bin/codex', order({ session: 's-1', profile }))
  expect(argv[1]).toBe('resume')
  expect(argv.slice(-3)).toEqual(['--', 's-1', '/init is text'])
  expect(settings(argv, 'approval_policy').at(-1)).toBe('approval_policy="on-request"')
})
