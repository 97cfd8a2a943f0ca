import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { fakeDaemon, type Given, orch, runView, taskView } from '../../../test/support/cli.ts'
import type { Handlers, SubmitRequest, TaskView } from '../../api/contract.ts'
import { systemClock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'

const pullRequest = { forge: 'local' as const, number: 7, url: 'local:7' }
const accepted = taskView({ state: 'accepted', pullRequest })
const dead = taskView({
  id: 't-bbbb00000002',
  title: 'Lie',
  state: 'dead',
  reason: { code: 'no-commit', message: 'there is\nno commit \u001b[2J' },
})

/** A daemon that takes a run and goes through these states of it, one at each look. */
async function daemonWith(steps: TaskView[][], handlers: Partial<Handlers> = {}) {
  const asked: SubmitRequest[] = []
  let step = 0
  const daemon = await fakeDaemon({
    submit: async ({ body }) => {
      asked.push(body)
      return runView(steps[0] ?? [])
    },
    run: async () => runView(steps[Math.min(++step, steps.length - 1)] ?? []),
    ...handlers,
  })
  const ids = { runId: 'r-aaaa00000001' as const, taskId: 't-aaaa00000001' as const }
  const happen = (type: 'task.working' | 'task.accepted' | 'tool.called', data = {}) =>
    daemon.journal.append([{ type, at: Date.parse('2026-01-02T03:04:05Z'), ...ids, data }])
  return {
    ...daemon,
    asked,
    happen,
    run: (argv: string[], given: Given = {}) => orch(['run', ...argv], { state: daemon.state, ...given }),
  }
}

test('one task, shown until it is accepted', async () => {
  const daemon = await daemonWith([[taskView({ state: 'queued' })], [taskView()], [accepted]])
  await daemon.happen('task.working')
  await daemon.happen('tool.called', { name: 'Bash' })
  await daemon.happen('task.accepted', { pullRequest })
  const { code, out, err } = await daemon.run(['Fix the tests'], {
    cwd: '/repo',
    env: { ANTHROPIC_API_KEY: 'k', SECRET: 's' },
  })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/\d\d:\d\d:\d\d {2}t-aaaa00000001 {2}accepted with pull request #7\n/)
  expect(out).not.toContain('Bash')
  expect(out).toMatch(/t-aaaa00000001 {2}accepted +#7 /)
  expect(out).toContain('orch pr merge 7')
  expect(daemon.asked).toHaveLength(1)
  expect(daemon.asked[0]).toMatchObject({ repo: '/repo', tasks: [{ description: 'Fix the tests' }] })
  expect(daemon.asked[0]?.env).toMatchObject({ ANTHROPIC_API_KEY: 'k' })
  expect(daemon.asked[0]?.env).not.toHaveProperty('SECRET')
})

test('a task that is not accepted: exit code 1, the reason, and what to do', async () => {
  const { run } = await daemonWith([[accepted, dead]])
  const { code, out, err } = await run(['x'])
  expect(code).toBe(1)
  expect(out).toContain('not accepted (dead)')
  expect(out).toContain('t-bbbb00000002: there is no commit')
  expect(out).not.toContain('\u001b')
  expect(err).toContain('error: 1 of 2 tasks not accepted\ncode: E_NOT_ACCEPTED\n')
  expect(err).toContain('orch show t-bbbb00000002')
})

test('--json is the final run, and nothing else, on standard output', async () => {
  const daemon = await daemonWith([[taskView()], [accepted, dead]])
  await daemon.happen('task.working')
  const { code, out, err } = await daemon.run(['--json', 'x'])
  expect(code).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    schemaVersion: 1,
    kind: 'run',
    tasks: [{ state: 'accepted' }, { state: 'dead' }],
  })
  expect(JSON.parse(err)).toMatchObject({ kind: 'error', error: { code: 'E_NOT_ACCEPTED' } })
})

test('--detach does not wait', async () => {
  const { run } = await daemonWith([[taskView({ state: 'queued' })]])
  const { code, out } = await run(['--detach', 'x'])
  expect(code).toBe(0)
  expect(out).toContain('orch logs -f t-aaaa00000001')
})

test('Ctrl-C leaves the agents working and says how to go on', async () => {
  const { run } = await daemonWith([[taskView()]])
  const { code, out, err } = await run(['x'], { interrupts: (press) => setTimeout(press, 50) })
  expect(code).toBe(130)
  expect(out).not.toContain('RESULT')
  for (const way of ['The agents work on', 'orch status --watch', 'orch attach t-aaaa', 'orch cancel t-aaaa'])
    expect(err).toContain(way)
})

test('on a terminal the block is drawn in place, cleared at the end, and the cursor comes back', async () => {
  const daemon = await daemonWith([[taskView()], [accepted]])
  await daemon.happen('tool.called', { name: 'Bash', input: 'npm test \u001b]0;x\u0007' })
  await daemon.happen('task.accepted')
  const { out } = await daemon.run(['x'], { stdoutTty: true, env: { NO_COLOR: '1' }, columns: 70 })
  expect(out.startsWith('\u001b[?25l')).toBe(true)
  expect(out).toContain('\u001b[1A\u001b[0J')
  const [block = '', result] = out.split('\u001b[?25h')
  expect(block).not.toContain('\u0007')
  for (const line of stripVTControlCharacters(block).split('\n')) expect(line.length).toBeLessThan(70)
  expect(result).toMatch(/^TASK /)
})

test.each<[string, string[], object]>([
  ['words are one task', ['Fix', 'the', 'tests'], { description: 'Fix the tests' }],
  [
    'a program',
    ['--agent', 'command', '--', 'npx', 'eslint', '--fix', '.'],
    {
      description: 'npx eslint --fix .',
      title: 'npx eslint --fix .',
      driver: 'command',
      argv: ['npx', 'eslint', '--fix', '.'],
    },
  ],
  [
    'a program with a description',
    ['--agent', 'command', 'Lint', '--title', 'T', '--', 'a', '--json'],
    {
      description: 'Lint',
      title: 'T',
      driver: 'command',
      argv: ['a', '--json'],
    },
  ],
  ['a text that begins with a dash', ['--', '--help', 'is wrong'], { description: '--help is wrong' }],
  [
    'every option',
    '-a claude -b develop -t T --profile p --model m --forge local --runtime process --publish agent --tries 2 --priority -5 --time-limit 1.5 --idle-limit 2 --memory 700 --max-turns 9 --labels gpu,linux --validate reviewer security-auditor -- x'.split(
      ' ',
    ),
    {
      description: 'x',
      driver: 'claude',
      base: 'develop',
      title: 'T',
      profile: 'p',
      model: 'm',
      forge: 'local',
      runtime: 'process',
      publish: 'agent',
      tries: 2,
      priority: -5,
      wallMinutes: 1.5,
      limits: { memoryMegabytes: 700, idleMinutes: 2, turns: 9 },
      validate: ['reviewer', 'security-auditor'],
      labels: ['gpu', 'linux'],
    },
  ],
])('%s', async (_, argv, task) => {
  const daemon = await daemonWith([[accepted]])
  const { code, err } = await daemon.run(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(daemon.asked[0]?.tasks).toEqual([task])
})

test('what the whole run may take goes with the run', async () => {
  const daemon = await daemonWith([[accepted]])
  await daemon.run(['--max-cost', '2.5', '--max-tokens', '1000', 'x'])
  await daemon.run(['x'])
  expect(daemon.asked[0]).toMatchObject({
    limits: { costUsd: 2.5, tokens: 1_000 },
    tasks: [{ description: 'x' }],
  })
  expect(daemon.asked.map(({ tasks }) => tasks)).toEqual([[{ description: 'x' }], [{ description: 'x' }]])
  expect(daemon.asked[1]).not.toHaveProperty('limits')
})

test.each([
  ['a pipe', [], 'from a pipe\n'],
  ['a dash', ['-'], 'from a dash'],
])('%s is one text', async (_, argv, stdin) => {
  const daemon = await daemonWith([[accepted]])
  expect((await daemon.run(argv, { stdin, stdinTty: false })).code).toBe(0)
  expect(daemon.asked[0]?.tasks).toEqual([{ description: stdin }])
})

test('several tasks from a file and from standard input', async () => {
  const daemon = await daemonWith([[accepted]])
  const file = join(daemon.state, 'tasks.yaml')
  writeFileSync(file, 'tasks:\n  - a\n  - task: b\n    tries: 1\n')
  await daemon.run(['-f', file, '--tries', '5'])
  await daemon.run(['-f', '-'], { stdin: '- c\n- d\n' })
  expect(daemon.asked.map(({ tasks }) => tasks)).toEqual([
    [
      { description: 'a', tries: 5 },
      { description: 'b', tries: 1 },
    ],
    [{ description: 'c' }, { description: 'd' }],
  ])
})

test.each([
  ['nothing', [], 'there is no task', 'E_USAGE'],
  ['an empty text', ['  '], 'there is no task', 'E_USAGE'],
  ['command without a program', ['--agent', 'command', 'x'], 'needs a program', 'E_USAGE'],
  ['a file and a text', ['-f', '-', 'x'], 'not both', 'E_USAGE'],
  ['a file that is not there', ['-f', '/nonexistent'], 'cannot read', 'E_NOT_FOUND'],
  ['a bad branch', ['--base', '--force', 'x'], 'base', 'E_INVALID'],
])('%s is refused', async (_, argv, message, code) => {
  const { run, asked } = await daemonWith([[accepted]])
  const { err, out } = await run(argv)
  expect(out).toBe('')
  expect(err).toContain(message)
  expect(err).toContain(`code: ${code}`)
  expect(asked).toEqual([])
})

test('what the daemon refuses comes out with its code', async () => {
  const { run } = await daemonWith([], {
    submit: async () => {
      throw new OrchError('E_NOT_A_REPOSITORY', '/tmp is not a repository')
    },
  })
  expect(await run(['x'])).toEqual({
    code: 4,
    out: '',
    err: 'error: /tmp is not a repository\ncode: E_NOT_A_REPOSITORY\nwhat to do: Go to a git repository, or give one with --repo PATH.\n',
  })
})

test('a daemon that goes away for good is an error that says that agents go on', async () => {
  const daemon = await daemonWith([[taskView()]])
  let now = systemClock.now()
  const skip = async (ms: number) => {
    now += ms
  }
  const clock = { ...systemClock, now: () => now, sleep: skip }
  const gone = daemon.run(['x'], { clock, sees: () => void daemon.close() })
  expect(await gone).toMatchObject({ code: 5, err: expect.stringContaining('The agents work on') })
})

test('a run that is given while the store is out of reach waits for it, and is given once', async () => {
  const asked: string[] = []
  const daemon = await daemonWith([[accepted]], {
    submit: async ({ body }) => {
      asked.push(body.requestId)
      if (asked.length < 3) throw new OrchError('E_STORE_DOWN', 'Redis cannot be reached')
      return runView([accepted])
    },
  })
  const { code, err } = await daemon.run(['x'])
  expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^note: the store .*\n$/) })
  expect(new Set(asked).size).toBe(1)
})

test('a variable that the API does not take is left out, and the run goes on', async () => {
  const daemon = await daemonWith([[accepted]])
  const env = { 'GOOGLE_A.B': 'x', OPENAI_BIG: 'x'.repeat(40_000), OPENAI_API_KEY: 'k' }
  const { code, err } = await daemon.run(['x'], { env })
  expect(code).toBe(0)
  expect(err).toBe('note: not handed to agents, by name or size: GOOGLE_A.B, OPENAI_BIG\n')
  expect(Object.keys(daemon.asked[0]?.env ?? {})).toContain('OPENAI_API_KEY')
})
