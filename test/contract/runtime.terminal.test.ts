import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type Argv, type Env, exec, signalProcess, spawnPiped } from '../../src/exec.ts'
import { silentLog } from '../../src/log.ts'
import { createTmuxRuntime } from '../../src/runtime/tmux/tmux.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import {
  AGENT_ENV,
  directoriesIn,
  exitOf,
  fixture,
  launch,
  marked,
  output,
  pidsOf,
  prints,
  processes,
  reaches,
  type Site,
  until,
} from './runtime.ts'
import { MARKER } from './runtime-turns.ts'

/** Who has the terminal of the pane for itself, and who stands before it. Only tmux has terminals. */

const env: Env = { PATH: process.env.PATH ?? '', TERM: 'xterm-256color', LANG: 'C.UTF-8' }
const SHELLS: Argv[] = [['/usr/bin/dash'], ['/bin/bash', '--posix'], ['/bin/bash'], ['/bin/busybox', 'sh']]

let site: Site
let socket: string
const tmux = async (...args: string[]) => (await exec(['tmux', '-S', socket, ...args], { env })).stdout.trim()
const keys = (agent: string, ...typed: string[]) => tmux('send-keys', '-t', `=${agent}:`, ...typed)
const shows = (agent: string, text: string) =>
  until(`the pane shows ${text}`, async () =>
    (await tmux('capture-pane', '-p', '-t', `=${agent}:`)).includes(text),
  )

const open = async (shell: Argv) => {
  const root = join(temporaryDirectory(), 'attempts')
  const work = join(dirname(root), 'work')
  socket = join(dirname(root), 'tmux.sock')
  mkdirSync(work, { recursive: true })
  const configFile = join(dirname(root), 'tmux.conf')
  const base = { exec, spawnPiped, env, clock: systemClock, log: silentLog, shell }
  const runtime = createTmuxRuntime({ ...base, root, socket, configFile })
  site = { root, work, directories: directoriesIn(root), runtime }
  await runtime.ready()
}
const close = async () => {
  await site.runtime.stop({ end: true })
  await tmux('kill-server')
}

/** An agent with the terminal; `tell` writes a line into out.jsonl, as hooks do. */
const launchInTerminal = async (script: string, more: object = {}) => {
  const agent = `terminal-${process.pid}-${++counted}`
  const out = join(site.directories.path(agent), 'out.jsonl')
  const told = `tell() { printf '%s\\n' "$*" >>"$OUT"; }; ${script}`
  const rest = { agent, stdin: 'terminal' as const, env: { ...AGENT_ENV, TERM: 'dumb', OUT: out } }
  return launch(site, ['sh', '-c', told], { ...rest, ...more })
}
let counted = 0

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('$name', ({ shell }) => {
  const it = test.runIf(existsSync(shell[0]))
  beforeEach(() => open(shell))
  afterEach(close)

  it('an agent has the terminal: it shows, it is typed at, and only its hooks write out.jsonl', async () => {
    const agent = await launchInTerminal(
      '[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && tell terminal "$TERM" $(stty size); echo shown; read line; tell "read $line"; exit 3',
      { setup: [['true']] },
    )
    await shows(agent, 'shown')
    expect(await site.directories.status(agent)).toMatchObject({ state: 'running' })
    await keys(agent, 'hello', 'Enter')
    expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 3 })
    expect(String(await output(site, agent))).toBe('terminal screen-256color 50 200\nread hello\n')
    expect(readFileSync(join(site.directories.path(agent), 'shim.log'), 'utf8')).toBe('')
  })

  it('the keys of a person are its own', async () => {
    const agent = await launchInTerminal(
      'trap "tell interrupted" INT; tell ready; while :; do read line && tell "$line"; done',
    )
    await prints(site, agent, 'ready')
    await keys(agent, 'C-c')
    await prints(site, agent, 'interrupted')
    await keys(agent, 'still here', 'Enter')
    await prints(site, agent, 'still here')
    const other = await launchInTerminal('tell ready; exec sleep 1000')
    await prints(site, other, 'ready')
    await keys(other, 'C-c')
    expect(await exitOf(site, other)).toEqual({ phase: 'agent', status: 130 })
  })

  it.each(['SIGTERM', 'SIGHUP'] as const)('%s to the shim ends it and all in its group', async (signal) => {
    const status = signal === 'SIGHUP' ? 129 : 143
    const agent = await launchInTerminal('env -u ORCH_AGENT sleep 1000 & tell $!; exec sleep 1000')
    const child = Number(await until('its child', async () => String(await output(site, agent)).trim()))
    process.kill((await pidsOf(site, agent)).shim, signal)
    expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status })
    expect(await marked(agent)).toEqual([])
    expect(await processes.find({ pids: [child] })).toEqual([])
  })

  it('who ignores that is killed, and the shim still writes the last word', async () => {
    const agent = await launchInTerminal('trap "" TERM HUP; tell ready; while :; do sleep 0.1; done')
    await prints(site, agent, 'ready')
    process.kill((await pidsOf(site, agent)).shim, 'SIGTERM')
    expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 143 })
    expect(await marked(agent)).toEqual([])
  })

  it('stop ends it with its children, and what it left in its group does not stay', async () => {
    const agent = await launchInTerminal('sleep 1000 & setsid sleep 1000 & tell ready; exec sleep 1000')
    await prints(site, agent, 'ready')
    await pidsOf(site, agent)
    await until('its children', async () => (await marked(agent)).length === 3)
    expect(await site.directories.stop(agent, 5_000)).toEqual({ killed: 0 })
    expect((await site.directories.status(agent)).exit).toEqual({ phase: 'agent', status: 143 })
    expect(await marked(agent)).toEqual([])
    const left = await launchInTerminal('trap "" HUP; sleep 1000 & exit 0')
    expect(await exitOf(site, left)).toEqual({ phase: 'agent', status: 0 })
    expect(await marked(left)).toEqual([])
  })

  it('goes on in a further turn', async () => {
    const agent = await launchInTerminal('tell one')
    await exitOf(site, agent)
    const argv: Argv = ['sh', '-c', '[ -t 0 ] && read line && echo "$line" >>"$OUT"']
    const rest = { cwd: site.work, stdin: 'terminal' as const, prompt: '', setup: [] }
    const out = join(site.directories.path(agent), 'out.jsonl')
    await site.directories.proceed({ ...rest, agent, argv, env: { ...AGENT_ENV, OUT: out } })
    await site.runtime.start(agent)
    await prints(site, agent, 'turn')
    await keys(agent, 'two', 'Enter')
    expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
    expect(String(await output(site, agent))).toBe(`one\n${MARKER(2)}two\n`)
  })
})

describe('whatever the shell', () => {
  beforeEach(() => open(['/bin/sh']))
  afterEach(close)

  test('the terminal goes away: its session is killed, or the whole server', async () => {
    const script = 'trap "" HUP; tell ready; while :; do sleep 0.1; done'
    const [one, two] = [await launchInTerminal(script), await launchInTerminal(script)]
    for (const agent of [one, two]) {
      await prints(site, agent, 'ready')
      await pidsOf(site, agent)
    }
    await tmux('kill-session', '-t', `=${one}`)
    expect(await exitOf(site, one)).toEqual({ phase: 'agent', status: 129 })
    process.kill(Number(await tmux('display-message', '-p', '#{pid}')), 'SIGKILL')
    expect(await exitOf(site, two)).toEqual({ phase: 'agent', status: 129 })
    expect([...(await marked(one)), ...(await marked(two))]).toEqual([])
  })

  test('kill -9 of its shim: it ends with its terminal or is swept', async () => {
    const agent = await launchInTerminal('trap "" HUP; tell ready; while :; do sleep 0.1; done')
    await prints(site, agent, 'ready')
    process.kill((await pidsOf(site, agent)).shim, 'SIGKILL')
    await reaches(site, agent, 'lost')
    await site.directories.stop(agent, 100)
    expect(await marked(agent)).toEqual([])
  })

  describe('who watches', () => {
    const attach = (agent: string) => {
      const argv = site.runtime.attach(agent) ?? ['false']
      const line = argv.map((word) => `'${word}'`).join(' ')
      const client = spawnPiped(['script', '-qfec', line, '/dev/null'], { env })
      client.stdout?.resume()
      onTestFinished(() => void client.kill('SIGKILL'))
      return client
    }
    const watchersAre = (agent: string, count: number) =>
      until(`${count} watch`, async () => (await site.runtime.watchers(agent)) === count)

    test('people are counted, and told of when they come and go', async () => {
      const agent = await launch(site, fixture('hangs'))
      const other = await launch(site, fixture('hangs'))
      let rung = 0
      onTestFinished(site.runtime.onWatchers(() => rung++))
      const rings = (what: string) => {
        const before = rung
        return () => until(`told that ${what}`, () => rung > before)
      }
      expect(await site.runtime.watchers(agent)).toBe(0)
      let told = rings('one came')
      const first = attach(agent)
      await told()
      await watchersAre(agent, 1)
      expect(await site.runtime.watchers(other)).toBe(0)
      const second = attach(agent)
      await watchersAre(agent, 2)
      told = rings('one left by its keys')
      first.stdin?.write('\x02d')
      await told()
      await watchersAre(agent, 1)
      told = rings('one moved on')
      await tmux('switch-client', '-t', `=${other}`)
      await told()
      await watchersAre(other, 1)
      expect(await site.runtime.watchers(agent)).toBe(0)
      told = rings('the window of one was closed')
      second.kill('SIGKILL')
      await told()
      await watchersAre(other, 0)
      expect(await site.runtime.watchers('never-there')).toBe(0)
    })

    test('who came while the connection was away is not missed', async () => {
      const agent = await launch(site, fixture('hangs'))
      const own = Number(await tmux('list-clients', '-F', '#{client_pid}'))
      let rung = 0
      const end = site.runtime.onWatchers(() => rung++)
      signalProcess(own, 'SIGKILL')
      attach(agent)
      await watchersAre(agent, 1)
      await until('told', () => rung > 0)
      end()
      const before = rung
      attach(agent)
      await watchersAre(agent, 2)
      expect(rung).toBe(before)
    })
  })

  test('a hung client that a killed daemon left does not keep a new one away', async () => {
    const agent = await launch(site, fixture('hangs'))
    const keeper: Argv = ['tmux', '-S', socket, '-C', 'attach-session', '-t', '=orch_keeper']
    const old = spawnPiped(keeper, { env })
    onTestFinished(() => void old.kill('SIGKILL'))
    const isThere = async () =>
      (await tmux('list-clients', '-F', '#{client_pid}')).split('\n').includes(`${old.pid}`)
    await until('the old client is connected', isThere)
    old.kill('SIGSTOP')
    await site.runtime.stop({ end: false })
    let rung = 0
    onTestFinished(site.runtime.onWatchers(() => rung++))
    expect(await site.runtime.list()).toEqual(new Set([agent]))
    await launch(site, ['true'])
    await until('the old client is gone', async () => !(await isThere()) && old.signalCode !== null)
    expect(await site.runtime.list()).toContain(agent)
  })
})
