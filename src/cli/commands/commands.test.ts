import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch, taskDetail, taskView, worldOf } from '../../../test/support/cli.ts'
import { handlersFor } from '../../../test/support/daemon-handlers.ts'
import { openTableJournal } from '../../../test/support/table-journal.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import type { Handlers } from '../../api/contract.ts'
import { OrchError } from '../../errors.ts'
import { runCommandLine } from '../program.ts'

const codes = '\u001b]0;stolen\u0007\u001b[2J'
const statusWith = async (given: object) => ({ ...(await handlersFor().status({ query: {} })), ...given })
const knows: Handlers['task'] = async ({ params }) => {
  if ('t-aaaa00000001'.startsWith(params.id)) return taskDetail()
  throw new OrchError('E_NOT_FOUND', `there is no task or agent ${params.id}`)
}

test('status: daemon, counts and tasks; a repository is made absolute', async () => {
  const asked: unknown[] = []
  const tasks = [
    taskView({ title: `Fix ${codes}it` }),
    taskView({ id: 't-b', state: 'waiting', waitingFor: 'quota' }),
  ]
  const { state } = await fakeDaemon({
    status: async ({ query }) => {
      asked.push(query.repo)
      return (await statusWith({ tasks, warnings: ['tmux is old'] })) as never
    },
  })
  const { code, out, err } = await orch(['status'], { state })
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/t-aaaa00000001 {2}working +1 .* Fix it\n/)
  expect(out).toContain('waiting for quota')
  expect(out).toContain('warning tmux is old')
  expect(out).not.toMatch(/\p{Cc}(?<!\n)/u)
  await orch(['status', '--repo', 'sub'], { state, cwd: '/home/me' })
  await orch(['status', '--repo'], { state, cwd: '/home/me' })
  expect(asked).toEqual([undefined, '/home/me/sub', '/home/me'])
  const json = await orch(['status', '--json'], { state })
  expect(JSON.parse(json.out)).toMatchObject({
    schemaVersion: 1,
    kind: 'status',
    tasks: [{ id: 't-aaaa00000001' }, {}],
  })
})

test('status: what is out of order has a line, and in JSON all breakers are told', async () => {
  const soon = new Date(Date.now() + 90_000).toISOString()
  const breakers = [
    { name: 'driver claude', state: 'open', failures: 5, until: soon, error: `API ${codes}Error: 500` },
    { name: 'driver codex', state: 'closed', failures: 1, error: 'once' },
    { name: 'forge github', state: 'half-open', failures: 6 },
    { name: 'mcp memory', state: 'open', failures: 1, until: new Date(0).toISOString() },
  ]
  const { state } = await fakeDaemon({ status: async () => (await statusWith({ breakers })) as never })
  const { out } = await orch(['status'], { state })
  expect(out).toMatch(
    /out of order driver claude · 5 failures in a row · tried again in 1m\d\ds · API \S*Error: 500\n/,
  )
  expect(out).toContain('out of order forge github · 6 failures in a row · being tried now\n')
  expect(out).toContain('out of order mcp memory · 1 failure in a row · tried again with the next task\n')
  expect(out).not.toContain('codex')
  const json = await orch(['status', '--json'], { state })
  expect(JSON.parse(json.out).breakers).toEqual(breakers)
})

test('status starts no daemon: without one it says so', async () => {
  const state = temporaryDirectory()
  const { code, out, err } = await orch(['status'], { state })
  expect({ code, out }).toEqual({ code: 5, out: '' })
  expect(err).toContain('orch start')
})

test('status --watch --json is one document a line, until Ctrl-C', async () => {
  let looks = 0
  const { state } = await fakeDaemon({
    status: async () => (await statusWith({ warnings: [`look ${++looks}`] })) as never,
  })
  let press = () => {}
  const { code, out } = await orch(['status', '--watch', '--json'], {
    state,
    interrupts: (it) => {
      press = it
    },
    sees: () => looks === 2 && press(),
  })
  expect(code).toBe(130)
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).warnings),
  ).toEqual([['look 1'], ['look 2']])
})

test('show: everything of a task, safe for a terminal', async () => {
  const detail = taskDetail({
    state: 'dead',
    description: `Do ${codes}\nthis`,
    reason: { code: 'no-commit', message: 'there is no commit' },
    attempts: [
      {
        number: 1,
        agent: 'general-1',
        host: 'local',
        startedAt: '2026-01-02T03:04:05Z',
        endedAt: '2026-01-02T03:05:05Z',
        outcome: 'failed',
        usage: taskDetail().usage,
      },
    ],
  })
  const { state } = await fakeDaemon({ task: async () => detail })
  const { out } = await orch(['show', 't-a'], { state })
  expect(out).toContain('there is no commit (no-commit)')
  expect(out).toMatch(/general-1 .* 1m00s {2}failed/)
  expect(out).not.toContain('\u001b')
  expect(JSON.parse((await orch(['show', 't-a', '--json'], { state })).out)).toMatchObject({
    kind: 'task',
    id: detail.id,
  })
})

test('an id with a typo is answered with the one that was meant', async () => {
  const { state } = await fakeDaemon({
    task: knows,
    status: async () => (await statusWith({ tasks: [taskView()] })) as never,
  })
  for (const typo of ['t-aaaa00000010', 't-aaba', 'T-AAAA', 't-aaaa0000000x!']) {
    const { code, err } = await orch(['show', typo], { state })
    expect(code).toBe(3)
    expect(err).toContain('did you mean t-aaaa00000001?')
  }
  expect((await orch(['show', 't-zzzzzzzzzzzz'], { state })).err).not.toContain('did you mean')
})

test('cancel and retry go on after a failure, and end with its code', async () => {
  const { state } = await fakeDaemon({ task: knows, cancel: async () => taskView({ state: 'cancelled' }) })
  const { code, out, err } = await orch(['cancel', 't-zz', 't-aaaa'], { state })
  expect(code).toBe(3)
  expect(out).toContain('t-aaaa00000001 cancelled')
  expect(err).toContain('there is no task or agent t-zz')
  const json = await orch(['retry', 't-aaaa', '--json'], { state })
  expect(json.code).toBe(3)
  expect(JSON.parse(json.out)).toMatchObject({ kind: 'tasks', tasks: [], failures: [{ task: 't-aaaa' }] })
})

test('say: words, or standard input', async () => {
  const said: string[] = []
  const { state } = await fakeDaemon({
    task: knows,
    say: async ({ body }) => {
      said.push(body.text)
      return {}
    },
  })
  await orch(['say', 't-aaaa', 'use', 'the', 'parser'], { state })
  await orch(['say', 't-aaaa', '-'], { state, stdin: 'line 1\nline 2\n' })
  await orch(['say', 't-aaaa', '--', '--force', 'is wrong'], { state })
  expect(said).toEqual(['use the parser', 'line 1\nline 2\n', '--force is wrong'])
  expect((await orch(['say', 't-aaaa', ' '], { state })).code).toBe(2)
})

test('attach gives the command, and needs a terminal to run it', async () => {
  const argv = ['sh', '-c', 'test -z "$TMUX" && exit 7']
  const { state } = await fakeDaemon({ task: knows, attach: async () => ({ argv }) })
  expect(JSON.parse((await orch(['attach', 't-aaaa', '--json'], { state })).out)).toMatchObject({
    kind: 'attach',
    argv,
  })
  expect((await orch(['attach', 't-aaaa'], { state })).err).toContain('attach needs a terminal')
  const { code } = await orch(['attach', 't-aaaa'], { state, stdoutTty: true, env: { TMUX: 'outer' } })
  expect(code).toBe(7)
})

test('attach to an agent on another host says where it is and how to get there', async () => {
  const ssh = 'ssh -t ann@beta orch attach t-aaaa'
  const elsewhere = { argv: ssh.split(' '), host: 'beta', ssh }
  const { state } = await fakeDaemon({ task: knows, attach: async () => elsewhere })
  const { code, err } = await orch(['attach', 't-aaaa'], { state, stdoutTty: true })
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('host beta') })
  expect(err).toContain(ssh)
  expect(JSON.parse((await orch(['attach', 't-aaaa', '--json'], { state })).out)).toMatchObject(elsewhere)
})

test('show names the host of an agent where there are several', async () => {
  const attempt = (host: string) => ({
    number: 1,
    agent: 'task-agent-aaaa-1',
    host,
    startedAt: '2026-01-02T03:04:05.000Z',
    usage: taskDetail().usage,
  })
  const shown = async (host: string) => {
    const { state } = await fakeDaemon({ task: async () => taskDetail({ attempts: [attempt(host)] }) })
    return (await orch(['show', 't-aaaa'], { state })).out
  }
  expect(await shown('beta')).toMatch(/host +beta/)
  expect(await shown('local')).not.toMatch(/host +local/)
})

test('logs of a task: the whole transcript in pieces, without control characters', async () => {
  const text = 'one\n\u001b[31mtwo\u0007\n'
  const log: Handlers['log'] = async ({ query }) => {
    const piece = text.slice(query.from, query.from + 5)
    return { text: piece, next: query.from + piece.length, ended: false }
  }
  const { state } = await fakeDaemon({ task: knows, log })
  expect((await orch(['logs', 't-aaaa'], { state })).out).toBe('one\n[31mtwo\n')
  expect(JSON.parse((await orch(['logs', 't-aaaa', '--json'], { state })).out)).toMatchObject({
    kind: 'log',
    attempt: 1,
    text,
  })
})

test('logs -f goes from one attempt to the next until the task has ended', async () => {
  let looks = 0
  const task: Handlers['task'] = async () => {
    looks += 1
    if (looks === 1) return taskDetail({ state: 'queued', attempt: 0 })
    return taskDetail({ attempt: looks < 4 ? 1 : 2, state: looks < 5 ? 'working' : 'dead' })
  }
  const log: Handlers['log'] = async ({ query }) => {
    const text = query.from === 0 ? `attempt ${query.attempt}\n` : ''
    return { text, next: query.from + text.length, ended: text === '' }
  }
  const { state } = await fakeDaemon({ task, log })
  const { code, out } = await orch(['logs', '-f', 't-aaaa'], { state })
  expect({ code, out }).toEqual({ code: 0, out: 'attempt 1\nattempt 2\n' })
})

test('logs without a task tells the story, the latest last', async () => {
  const { state, journal } = await fakeDaemon()
  const at = Date.parse('2026-01-02T03:04:05Z')
  await journal.append([
    { type: 'daemon.started', at },
    { type: 'message', at, taskId: 't-1', data: { text: 'detail' } },
    { type: 'task.queued', at, taskId: 't-1', data: { title: `x${codes}` } },
    { type: 'task.accepted', at, taskId: 't-1' },
  ])
  const { code, out } = await orch(['logs', '-n', '2'], { state })
  expect(code).toBe(0)
  expect(out.split('\n').map((line) => line.slice(21))).toEqual([
    't-1             queued: x',
    't-1             accepted with its pull request',
    '',
  ])
  const json = JSON.parse((await orch(['logs', '--json'], { state })).out)
  expect(json.events.map((event: { type: string }) => event.type)).toEqual([
    'daemon.started',
    'task.queued',
    'task.accepted',
  ])
})

test('logs -f --json gives what was and what comes, one document a line, until Ctrl-C', async () => {
  const { state, journal } = await fakeDaemon()
  await journal.append([{ type: 'daemon.started', at: 1 }])
  let press = () => {}
  const { code, out } = await orch(['logs', '-f', '--json'], {
    state,
    interrupts: (it) => {
      press = it
    },
    sees: (text) =>
      text.includes('daemon.started') ? journal.append([{ type: 'run.submitted', at: 2 }]) : press(),
  })
  expect(code).toBe(130)
  expect(
    out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { kind: 'event', type: 'daemon.started' },
    { kind: 'event', type: 'run.submitted' },
  ])
})

test('logs -f -n 0 misses nothing that happens before it listens', async () => {
  const journal = openTableJournal(':memory:')
  const { state } = await fakeDaemon({}, undefined, journal)
  let looks = 0
  const last = async () => {
    if (++looks === 2) await journal.append([{ type: 'run.submitted', at: 2 }])
    return (await journal.read({})).length
  }
  Object.assign(journal, { last })
  await journal.append([{ type: 'daemon.started', at: 1 }])
  let press = () => {}
  const { out } = await orch(['logs', '-f', '-n', '0', '--json'], {
    state,
    interrupts: (it) => {
      press = it
    },
    sees: () => press(),
  })
  expect(JSON.parse(out)).toMatchObject({ type: 'run.submitted' })
})

test.each([
  ['logs', '-f', 't-aaaa00000001'],
  ['logs', '-f'],
  ['status', '--watch'],
])('%s %s %s: Ctrl-C while it waits for a daemon that was stopped is no error', async (...argv) => {
  const log: Handlers['log'] = async () => ({ text: '', next: 0, ended: false })
  const looked = Promise.withResolvers<void>()
  const look = <T>(answer: T): T => {
    looked.resolve()
    return answer
  }
  const journal = openTableJournal(':memory:')
  journal.subscribe = () => look(() => {})
  const daemon = await fakeDaemon(
    {
      task: knows,
      log: async (input) => look(await log(input)),
      status: async () => look((await statusWith({})) as never),
    },
    undefined,
    journal,
  )
  const screen = { out: '', err: '' }
  let press = () => {}
  const interrupts = (it: () => void) => {
    press = it
  }
  const running = runCommandLine(argv, worldOf({ state: daemon.state, interrupts }, screen))
  await looked.promise
  await daemon.close()
  await expect.poll(() => screen.err).toContain('Waiting for `orch start`')
  press()
  expect(await running).toBe(130)
  expect(screen.err).not.toContain('error')
})

test('cleanup says what it removed and what it kept', async () => {
  const { state } = await fakeDaemon({
    cleanup: async () => ({
      removed: ['workspace /w'],
      kept: [{ what: 'branch x', why: 'it is not merged' }],
    }),
  })
  expect((await orch(['cleanup', '--dry-run'], { state })).out).toBe(
    'would remove workspace /w\nkept branch x: it is not merged\n',
  )
})

test('stop waits until nobody answers; without a daemon there is nothing to do', async () => {
  const daemon = await fakeDaemon({
    stop: async () => {
      setTimeout(() => void daemon.close(), 50)
      return { stoppedAgents: 2 }
    },
  })
  expect(await orch(['stop', '--agents'], { state: daemon.state })).toEqual({
    code: 0,
    out: 'stopped the daemon and 2 agents\n',
    err: '',
  })
  await daemon.close()
  const again = await orch(['stop', '--json'], { state: daemon.state })
  expect(JSON.parse(again.out)).toMatchObject({ kind: 'stop', wasRunning: false, stoppedAgents: 0 })
})

test('start says what runs', async () => {
  const { state, paths } = await fakeDaemon()
  const { out } = await orch(['start', '--json'], { state })
  expect(JSON.parse(out)).toMatchObject({ kind: 'start', pid: 2 ** 30, socket: paths.socket })
})

test('the store: backup to an absolute path, check with its exit code', async () => {
  const { state } = await fakeDaemon({
    backup: async ({ body }) => ({ file: body.file, bytes: 2_000 }),
    checkStore: async () => ({ faults: ['page 3 is damaged'] }),
  })
  expect((await orch(['store', 'backup', 'b.db'], { state, cwd: '/home/me' })).out).toBe(
    'wrote /home/me/b.db (2.0 kB)\n',
  )
  const { code, out, err } = await orch(['store', 'check'], { state })
  expect({ code, out }).toEqual({ code: 5, out: 'page 3 is damaged\n' })
  expect(err).toContain('code: E_STORE')
  const restored = await orch(['store', 'restore', '/nonexistent.db'], { state: temporaryDirectory() })
  expect(restored.code).toBe(3)
})

test('config: values with their origin, and where the file is', async () => {
  const state = temporaryDirectory()
  writeFileSync(join(state, 'config.yaml'), 'tries: 7\n')
  const repo = join(state, 'repo')
  mkdirSync(join(repo, '.git'), { recursive: true })
  mkdirSync(join(repo, '.orch'))
  mkdirSync(join(repo, 'sub'))
  writeFileSync(join(repo, '.orch', 'config.yaml'), 'base: develop\n')
  const given = { state, cwd: join(repo, 'sub'), env: { ORCH_MAX_AGENTS: '2' } }
  const { out } = await orch(['config', 'show', '--origin'], given)
  expect(out).toContain(`tries: 7  # file ${state}/config.yaml`)
  expect(out).toContain(`base: "develop"  # file ${repo}/.orch/config.yaml`)
  expect(out).toContain('maxAgents: 2  # variable ORCH_MAX_AGENTS')
  expect(out).toContain('forge: "auto"  # default')
  const json = JSON.parse((await orch(['config', 'show', '--json', '--origin'], given)).out)
  expect(json).toMatchObject({ kind: 'config', config: { tries: 7 }, origins: { base: expect.any(String) } })
  expect((await orch(['config', 'path'], given)).out).toBe(`${state}/config.yaml\n`)
  writeFileSync(join(state, 'config.yaml'), 'tries: many\n')
  expect((await orch(['config', 'show'], given)).code).toBe(2)
})
