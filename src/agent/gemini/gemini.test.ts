import { mkdir, mkdtemp, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Exec, exec } from '../../exec.ts'
import { profileHeader } from '../../profile/profile.ts'
import type { LaunchOrder } from '../agent.ts'
import { createGeminiDriver } from './gemini.ts'
import { policyOf } from './policy.ts'
import { createGeminiReader } from './reader.ts'
import { endedEarly, verdictOf } from './verdict.ts'

const at = Date.parse('2026-11-21T04:58:05.850Z')

describe('what Gemini CLI says went wrong', () => {
  it.each([
    ['[API Error: {"error":{"code":403,"message":"forbidden"}}]', 'login-refused', true],
    [
      '[API Error: API key not valid. Please pass a valid API key. (Status: INVALID_ARGUMENT)]',
      'login-refused',
      true,
    ],
    ['[API Error: models/none is not found for API version v1beta]', 'no-such-model', true],
    ['[API Error: terminated]', 'api-error', undefined],
    ['[API Error: {"error":{"code":400,"message":"too long"}}]', 'agent-failed', undefined],
    ['Reached max session turns for this session.', 'agent-failed', undefined],
  ])('%s', (error, code, final) => {
    expect(verdictOf(error, at)).toEqual({
      kind: 'failed',
      reason: { code, message: error },
      ...(final && { final }),
    })
  })

  it.each([
    ['Please retry in 34.5s.', 34_500],
    ['Please retry in 250ms.', 250],
    ['You have exhausted your capacity on this model. Your quota will reset after 13h28m41s.', 48_521_000],
    ['quota exceeded\nSuggested retry after 60s.', 60_000],
  ])('a quota comes back as it is told: %s', (words, ms) => {
    expect(verdictOf(`[API Error: quota. ${words}]`, at)).toMatchObject({ kind: 'quota', resetAt: at + ms })
  })

  it.each(['You have exhausted your daily quota on this model.', 'quota. Please retry in ....s.'])(
    'a quota whose end is not told has none: %s',
    (words) => {
      expect(verdictOf(`[API Error: ${words}]`, at)).not.toHaveProperty('resetAt')
    },
  )

  it('tells from the status and its words what it died of before the first turn, and only then', () => {
    const gone = 'Error resuming session: Invalid session identifier "x".'
    expect(endedEarly(42, gone, false)).toMatchObject({ reason: { code: 'session-gone' } })
    expect(endedEarly(41, 'Please set an Auth method', false)).toMatchObject({
      final: true,
      reason: { code: 'login-refused', message: expect.stringContaining('Please set an Auth method') },
    })
    expect(endedEarly(42, 'No input', false)).toMatchObject({ reason: { code: 'no-result' } })
    expect(endedEarly(41, '', true)).toMatchObject({ reason: { code: 'no-result' } })
  })
})

const line = (more: object) => JSON.stringify({ timestamp: '2026-11-21T04:58:05.850Z', ...more })
const init = line({ type: 'init', session_id: 's', model: 'm' })
const says = (content: string) => line({ type: 'message', role: 'assistant', content, delta: true })

describe('the reader', () => {
  it('puts the pieces of an answer together', () => {
    const reader = createGeminiReader()
    const events = [init, says('One '), says('two.'), line({ type: 'result', status: 'success' })].flatMap(
      (it) => reader.line(it).events,
    )
    expect(events.filter(({ type }) => type === 'message')).toEqual([{ type: 'message', text: 'One two.' }])
    expect(reader.outcome({ phase: 'agent', status: 1 })).toEqual({ kind: 'reported', summary: 'One two.' })
  })

  it('waits for the end of the process: only then another can go on with the session', () => {
    const reader = createGeminiReader()
    for (const it of [init, says('x'), line({ type: 'result', status: 'success' })]) reader.line(it)
    expect(reader.outcome()).toBeUndefined()
  })

  it('tells no session that the model has not answered in: it could not be resumed', () => {
    const reader = createGeminiReader()
    const failed = line({ type: 'result', status: 'error', error: { message: '[API Error: x]' } })
    const events = [init, failed].flatMap((it) => reader.line(it).events)
    expect(events[0]).toEqual({ type: 'turn.started', model: 'm' })
    reader.nextProcess()
    expect(reader.outcome({ phase: 'agent', status: 0 })).toMatchObject({ reason: { code: 'no-result' } })
  })
})

describe('permissions as policies', () => {
  const rules = (tools: string[]) => policyOf({ permissions: 'edits', tools }).rules
  it.each([
    ['Bash(npm test)', 'commandRegex = "npm test\\""'],
    ['Bash(npm run t*st:*)', 'commandPrefix = "npm run t*st"'],
    ['Bash(echo "a.b")', String.raw`commandRegex = "echo \\\\\"a\\.b\\\\\"\""`],
    ['WebSearch', 'toolName = "google_web_search"'],
    ['run_shell_command', 'toolName = "run_shell_command"'],
  ])('%s', (tool, rule) => expect(rules([tool])).toContain(rule))

  it('leaves out what it cannot translate, and what needs no rule', () => {
    expect(rules(['Edit(src/**)', 'Read', 'Strange Tool'])).toBe('')
  })
})

describe('a launch', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'orch-gemini-'))
    await mkdir(join(directory, 'person/.gemini/policies'), { recursive: true })
    await mkdir(join(directory, 'work'))
  })
  afterEach(() => rm(directory, { recursive: true }))
  const launch = async (more: Partial<LaunchOrder> = {}) => {
    const order = {
      task: { title: 'x' },
      prompt: 'Do it',
      workspace: join(directory, 'work'),
      directory: join(directory, 'attempt'),
      home: join(directory, 'home'),
      profile: { ...profileHeader.parse({ name: 'general' }), prompt: '' },
      mcp: [],
      env: { HOME: join(directory, 'person'), PATH: process.env.PATH ?? '' },
      ...more,
    } as LaunchOrder
    const withGemini: Exec = async (argv, options) =>
      argv[1] === '--version'
        ? { code: 0, killedBy: null, stdout: '0.61.0', stderr: '', timedOut: false, truncated: false }
        : exec(argv, options)
    const fixtures = new URL('../../../test/fixtures/agents/gemini', import.meta.url).pathname
    return createGeminiDriver({ exec: withGemini, env: { PATH: fixtures } }).launch(order)
  }
  const settings = async () =>
    JSON.parse(await readFile(join(directory, 'home/gemini/.gemini/settings.json'), 'utf8'))
  const personal = (name: string, text: string) => writeFile(join(directory, 'person/.gemini', name), text)

  it("keeps the person's settings, comments and all, and links to the login", async () => {
    await personal(
      'settings.json',
      '{ // "a\n "model": { "name": "x//y" }, /* b */ "mcpServers": { "own": {} } }',
    )
    await personal('oauth_creds.json', '{}')
    await launch()
    await launch()
    expect(await settings()).toMatchObject({ model: { name: 'x//y' }, mcpServers: { own: {} } })
    const link = join(directory, 'home/gemini/.gemini/oauth_creds.json')
    expect(await readlink(link)).toBe(join(directory, 'person/.gemini/oauth_creds.json'))
  })

  it('says which settings it cannot read', async () => {
    await personal('settings.json', '{ "model": ')
    await expect(launch()).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringContaining('settings.json'),
    })
  })

  it("tells of a policy beside the person's own", async () => {
    const { argv, files } = await launch()
    expect(argv.filter((_, index) => argv[index - 1] === '--policy')).toEqual([
      join(directory, 'home/gemini/.gemini/policies'),
      join(directory, 'attempt/gemini-policy.toml'),
    ])
    expect(Object.keys(files ?? {})).toEqual(['gemini-policy.toml'])
  })

  it("names whose commits they are, as its shell hides the person's git settings", async () => {
    const env = { HOME: join(directory, 'person'), PATH: process.env.PATH ?? '' }
    await writeFile(join(env.HOME, '.gitconfig'), '[user]\n\tname = Ann Other\n')
    const own = { GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'core.pager', GIT_CONFIG_VALUE_0: 'cat' }
    expect((await launch({ env: { ...env, ...own } })).env).toMatchObject({
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'core.pager',
      GIT_CONFIG_KEY_1: 'user.name',
      GIT_CONFIG_VALUE_1: 'Ann Other',
    })
  })

  it.each([
    ['strong', ['--model', 'pro']],
    ['standard', []],
    ['fast', ['--model', 'flash']],
  ])('takes a model by the tier %s', async (tier, expected) => {
    const profile = { ...profileHeader.parse({ name: 'general', tier }), prompt: '' }
    const { argv } = await launch({ profile })
    expect(argv.filter((it, index) => it === '--model' || argv[index - 1] === '--model')).toEqual(expected)
  })

  it('gives a prompt that begins with a slash as text, with the words of the profile, once a session', async () => {
    const profile = { ...profileHeader.parse({ name: 'general' }), prompt: 'Be brief.' }
    const first = await launch({ prompt: '/init it', profile })
    expect(first).toMatchObject({ stdin: 'none' })
    expect(first.argv.at(-1)).toBe('--prompt= /init it\n\nBe brief.')
    const next = await launch({ prompt: 'More', profile, session: 's' })
    expect(next).toMatchObject({ stdin: 'prompt' })
    expect(next.argv.slice(-2)).toEqual(['--resume', 's'])
  })
})
