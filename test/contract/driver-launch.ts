import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import type { LaunchOrder, Outcome } from '../../src/agent/agent.ts'
import { type Env, exec, spawnDetached } from '../../src/exec.ts'
import type { McpServer } from '../../src/mcp-servers/mcp-servers.ts'
import { type Profile, profileHeader } from '../../src/profile/profile.ts'
import { createProcessRuntime } from '../../src/runtime/process/process.ts'
import type { TaskSpec } from '../../src/task/task.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import type { Call, DriverCase } from './driver-case.ts'
import { AGENT_ENV, directoriesIn, freshName, marked, type Site, until } from './runtime.ts'

/** The launch half of the contract: a program of the driver's name is really started by what `launch` says. */

export const MCP_SERVERS: readonly McpServer[] = [
  { name: 'orch', url: 'http://127.0.0.1:9/mcp', bearer: 'ORCH_AGENT_TOKEN', headers: {} },
  { name: 'files', command: ['/bin/echo', 'it\'s "one"', '$HOME'], env: ['FILES_SECRET'] },
  { name: 'docs', url: 'http://127.0.0.1:9/docs?a=b', headers: { 'X-Key': 'DOCS_KEY' } },
]
const SECRETS: Env = {
  ORCH_AGENT_TOKEN: 'secret-token-1',
  FILES_SECRET: 'secret-value-2',
  DOCS_KEY: 'secret-key-3',
}
const PROFILE_PROMPT = 'Change as little as you can.\nSay "why"; never \'how\'. $HOME \\n'
const PROMPTS: [what: string, prompt: string][] = [
  ['begins with a dash', '-x --help'],
  ['is a dash', '-'],
  ['begins with a slash', '/init the /usr/bin/env of it'],
  ['begins with an exclamation mark', '!ls'],
  ['begins with an at sign', '@README.md is old'],
  ['has several lines and quotes', 'it\'s "one"\n\n$(id) `id` \\n %s $HOME\n#tag'],
  ['is of 100 kB', `long ${'ü€🎉 words\n'.repeat(6_000)}`],
]
const FIXTURES = fileURLToPath(new URL('../fixtures/agents/', import.meta.url))

export function launchContract({ name, make, streams, launch: expected }: DriverCase): void {
  const daemonEnv: Env = { ...AGENT_ENV, PATH: `${join(FIXTURES, name)}:${AGENT_ENV.PATH}` }
  const driver = make(daemonEnv)
  const task = () => ({
    ...TASK(site.work),
    ...(driver.takesProgram && { argv: [join(FIXTURES, name, name)] }),
  })
  let site: Site
  let spare: string

  beforeAll(async () => {
    const root = join(temporaryDirectory(), 'attempts')
    const work = join(root, '../work')
    spare = join(root, '../spare')
    await mkdir(work, { recursive: true })
    await exec(['git', 'init', '--quiet', work], { env: AGENT_ENV })
    const directories = directoriesIn(root)
    const runtime = createProcessRuntime({ root, directories, spawnDetached, env: AGENT_ENV })
    site = { root, work, directories, runtime }
  })

  /** Launches and starts it as the orchestrator does. */
  const start = async (more: Partial<LaunchOrder>) => {
    const agent = freshName()
    onTestFinished(async () => void (await site.directories.stop(agent, 0)))
    const directory = site.directories.path(agent)
    const home = join(spare, `${agent}-home`)
    await mkdir(home, { recursive: true, mode: 0o700 })
    const calls = join(spare, `${agent}.jsonl`)
    const own: Env = {
      ...daemonEnv,
      ...SECRETS,
      HOME: home,
      ORCH_TEST_CALLS: calls,
      ORCH_TEST_PLACES: `${directory}:${home}`,
    }
    const prompt = more.prompt ?? 'Do it'
    const order = {
      task: task(),
      prompt,
      workspace: site.work,
      directory,
      home,
      profile: profile(),
      mcp: [],
      env: own,
    }
    const launch = await driver.launch({ ...order, ...more })
    await site.directories.prepare({
      ...launch,
      agent,
      env: { ...own, ...launch.env },
      cwd: site.work,
      prompt,
      setup: [],
    })
    await site.runtime.start(agent)
    return { agent, calls, launch }
  }
  /** Runs it until its turn has ended and gives how it was called. */
  const called = async (more: Partial<LaunchOrder>): Promise<Call> => {
    const { agent, calls, launch } = await start(more)
    const outcome = await outcomeOf(agent)
    expect(outcome).toMatchObject({ kind: 'reported' })
    const [call] = callsIn(calls)
    expect(call?.argv.join('\0')).not.toMatch(/secret-(token|value|key)/)
    expect(JSON.stringify(call?.files)).not.toMatch(/secret-(token|value|key)/)
    expect(JSON.stringify(launch.env)).not.toMatch(/secret-(token|value|key)/)
    await site.directories.stop(agent, 2_000)
    return call as Call
  }
  /** Reads what it has printed and answers it, as the orchestrator does. */
  const converse = async (agent: string): Promise<Outcome | undefined> => {
    const { exit } = await site.directories.status(agent)
    const lines = (await site.directories.read(agent, 0, 1e9)).toString().split('\n').slice(0, -1)
    const reader = driver.reader(await site.directories.file(agent, `${name}-order.json`))
    const replies = lines.flatMap((line) => reader.line(line).replies ?? [])
    if (!exit) for (const reply of replies) await site.directories.reply(agent, reply)
    return reader.outcome(exit, exit && (await site.directories.errors(agent, 2_000)))
  }
  const outcomeOf = (agent: string): Promise<Outcome> =>
    until(`${agent} ends its turn`, () => converse(agent))

  const named = driver.takesProgram === true
  test.skipIf(named)('is found on PATH with its version', async () => {
    expect(await driver.detect()).toEqual({
      program: join(FIXTURES, name, name),
      version: expect.stringMatching(/^\d+\.\d+/),
    })
  })

  test.skipIf(named)('a program that is not there', async () => {
    const lost = make({ ...daemonEnv, PATH: spare })
    expect(await lost.detect()).toBeUndefined()
    const order = { task: TASK(site.work), prompt: 'x', workspace: site.work, directory: spare, home: spare }
    const launched = lost.launch({ ...order, profile: profile(), mcp: [], env: { PATH: spare } })
    await expect(launched).rejects.toMatchObject({ code: 'E_NO_AGENT' })
  })

  test('a plain start works in the workspace and is reported', async () => {
    const call = await called({})
    expect(call.cwd).toBe(site.work)
    expected.plain(call)
  })

  test.runIf(driver.interactive)(
    'its terminal interface hands over what is on offer when a turn ends',
    async () => {
      const home = temporaryDirectory('orch-terminal')
      const order = { task: task(), prompt: 'x', workspace: site.work, directory: spare, home, mcp: [] }
      const env = { ...daemonEnv, HOME: home }
      const launch = await driver.interactive?.launch({ ...order, profile: profile(), env })
      const settings = await Promise.all(
        (await readdir(home, { recursive: true, withFileTypes: true }))
          .filter((it) => it.isFile())
          .map((it) => readFile(join(it.parentPath, it.name), 'utf8')),
      )
      const all = JSON.stringify([launch?.argv, launch?.files, settings])
      expect(all.match(/-hook\.sh' \w+ take/g)).toHaveLength(1)
      expect(all).toMatch(/-hook\.sh' (Stop|AfterAgent) take/)
      expect(driver.interactive?.mostOffered).toBeGreaterThan(1_000)
      const reader = driver.interactive?.reader()
      expect([reader?.taken?.(), reader?.heard?.()]).toEqual([new Set(), new Set()])
    },
  )

  test.each(PROMPTS)('a prompt arrives that %s', async (_, prompt) => {
    const call = await called({ prompt })
    expect(call.prompt).toBe(expected.promptAs?.(prompt) ?? prompt)
  })

  test.runIf(driver.resumes)('goes on with a session', async () => {
    const { session } = streams.goodTurn
    const call = await called({ session, prompt: '- and now [[second-turn]]' })
    expect(call.prompt).toBe('- and now [[second-turn]]')
    expected.resumed(call, session)
  })

  test.each(Object.entries(expected.permissions))('permissions: %s', async (permissions, check) => {
    check(await called({ profile: profile({ permissions, tools: ['Read', 'Bash(git:*)'] }) }))
  })

  test('the model and the prompt of the profile', async () => {
    const call = await called({ profile: { ...profile({ model: 'some/model' }), prompt: PROFILE_PROMPT } })
    expected.profile(call, PROFILE_PROMPT)
  })

  test("the model of the task goes before the profile's", async () => {
    const call = await called({
      task: { ...task(), model: 'some/model' },
      profile: { ...profile({ model: 'other/model' }), prompt: PROFILE_PROMPT },
    })
    expected.profile(call, PROFILE_PROMPT)
  })

  const { mcp } = expected
  if (typeof mcp === 'string') test.skip(`MCP servers (${mcp})`)
  else test('MCP servers', async () => mcp(await called({ mcp: MCP_SERVERS })))

  test(`when its turn has ended it ${expected.after}`, async () => {
    const { agent } = await start({})
    await outcomeOf(agent)
    if (expected.after === 'ends')
      await until('its end', async () => (await site.directories.status(agent)).state === 'exited')
    else expect(await site.directories.status(agent)).toMatchObject({ state: 'running' })
  })

  test('SIGTERM in mid-tool: a shell command in a session of its own does not stay', async () => {
    const { agent, calls } = await start({ prompt: 'Do it [[tool-stays]]' })
    const pid = await until('the shell command', async () => {
      await converse(agent)
      const file = `${calls}.shell`
      return existsSync(file) && (Number(readFileSync(file, 'utf8')) || undefined)
    })
    // A process that is just being replaced by its program shows no environment for a moment.
    await until('it to be seen', async () => (await marked(agent)).some((it) => it.pid === pid))
    await site.directories.stop(agent, 200)
    expect(await marked(agent)).toEqual([])
    await until('somebody to bury it', () => !existsSync(`/proc/${pid}`))
    expect(await outcomeOf(agent)).toMatchObject({ kind: 'failed', reason: { code: 'no-result' } })
  })
}

const profile = (more: object = {}): Profile => ({
  ...profileHeader.parse({ name: 'general', ...more }),
  prompt: '',
})

const TASK = (repo: string): TaskSpec =>
  ({
    repo,
    title: 'Do it',
    description: 'Do it',
    base: 'main',
    branch: 'orch/x',
    profile: 'general',
  }) as TaskSpec

const callsIn = (file: string): Call[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Call)
