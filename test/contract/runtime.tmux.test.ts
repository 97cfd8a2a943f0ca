import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type Env, type Exec, exec, spawnPiped } from '../../src/exec.ts'
import { silentLog } from '../../src/log.ts'
import type { Runtime } from '../../src/runtime/runtime.ts'
import { createTmuxRuntime } from '../../src/runtime/tmux/tmux.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import {
  directoriesIn,
  exitOf,
  fixture,
  HOSTILE,
  launch,
  pidsOf,
  prints,
  reaches,
  runtimeContract,
  type Site,
  until,
} from './runtime.ts'
import { turnsContract } from './runtime-turns.ts'

const env: Env = { PATH: process.env.PATH ?? '', TMUX: '/elsewhere,1,0' }
const base = { exec, spawnPiped, env, clock: systemClock, log: silentLog }
const at = (root: string) => ({
  root,
  socket: join(dirname(root), 'tmux.sock'),
  configFile: join(dirname(root), 'tmux.conf'),
})
const tmuxOver = (root: string, more: Partial<typeof base> = {}): Runtime =>
  createTmuxRuntime({ ...base, ...at(root), ...more })

describe('tmux', () => {
  describe('as a runtime', () => runtimeContract((root) => tmuxOver(root)))
  describe('further', () => turnsContract((root) => tmuxOver(root)))
  describe('its server', serverSuite)
  describe('the program', programSuite)
})

function serverSuite() {
  let site: Site
  let lost = 0
  const tmux = async (...args: string[]) => {
    const result = await exec(['tmux', '-S', at(site.root).socket, ...args], {
      env: { PATH: env.PATH ?? '' },
    })
    return result.stdout.trim()
  }
  const serverPid = async () => Number(await tmux('display-message', '-p', '#{pid}'))

  beforeEach(async () => {
    const root = join(temporaryDirectory(), HOSTILE, 'attempts')
    const work = join(dirname(root), 'work')
    mkdirSync(work, { recursive: true })
    lost = 0
    site = { root, work, directories: directoriesIn(root), runtime: tmuxOver(root) }
    site.runtime.onLost(() => lost++)
    await site.runtime.ready()
  })
  afterEach(async () => {
    await tmux('kill-server')
    await site.runtime.stop({ end: true })
  })

  test('kill -9 of the server: known at once, the agents end, and the next one starts', async () => {
    const agents = await Promise.all([1, 2, 3].map(() => launch(site, fixture('hangs'))))
    for (const agent of agents) await prints(site, agent, 'ready')
    process.kill(await serverPid(), 'SIGKILL')
    await until('the loss is known', () => lost === 1)
    for (const agent of agents)
      expect((await reaches(site, agent, 'exited')).exit).toEqual({ phase: 'agent', status: 129 })
    const next = await launch(site, ['true'])
    expect(await exitOf(site, next)).toEqual({ phase: 'agent', status: 0 })
    expect(lost).toBe(1)
  })

  test('only the connection was killed: nothing is lost', async () => {
    const agent = await launch(site, fixture('hangs'))
    process.kill(Number(await tmux('list-clients', '-F', '#{client_pid}')), 'SIGKILL')
    expect(await site.runtime.list()).toEqual(new Set([agent]))
    await launch(site, ['true'])
    expect(lost).toBe(0)
    const before = await serverPid()
    process.kill(before, 'SIGKILL')
    await until('the loss is known after reconnecting', () => lost === 1)
  })

  test('the connection was killed and then the server: one loss, though both are looked into', async () => {
    const gate = Promise.withResolvers<void>()
    let looked = 0
    const slow: Exec = async (argv, options) => {
      const isLook = argv.includes('display-message')
      if (isLook) await gate.promise
      const result = await exec(argv, options)
      if (isLook) looked++
      return result
    }
    await site.runtime.stop({ end: false })
    const runtime = tmuxOver(site.root, { exec: slow })
    let losses = 0
    runtime.onLost(() => losses++)
    await runtime.ready()
    const clients = () => tmux('list-clients', '-F', '#{client_pid}')
    const first = await clients()
    process.kill(Number(first), 'SIGKILL')
    await until('a second connection', async () => {
      await runtime.list()
      return ![first, ''].includes(await clients())
    })
    process.kill(await serverPid(), 'SIGKILL')
    gate.resolve()
    await until('both were looked into', () => looked === 2)
    await runtime.stop({ end: true })
    expect(losses).toBe(1)
  })

  test('a server that hangs is told after a while, and found again when it goes on', async () => {
    await site.runtime.stop({ end: false })
    let pace = 1
    const sleep = (ms: number, signal?: AbortSignal) => systemClock.sleep(ms / pace, signal)
    const runtime = tmuxOver(site.root, { clock: { ...systemClock, sleep } })
    await runtime.ready()
    const server = await serverPid()
    process.kill(server, 'SIGSTOP')
    pace = 20
    try {
      await expect(runtime.list()).rejects.toMatchObject({ code: 'E_RUNTIME' })
      await runtime.stop({ end: false })
    } finally {
      process.kill(server, 'SIGCONT')
    }
    pace = 1
    expect(await runtime.list()).toEqual(new Set())
    expect(await serverPid()).toBe(server)
    await runtime.stop({ end: false })
  })

  test('stopped while it looks why the connection was lost: it makes no other one', async () => {
    const looks = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    const looked = Promise.withResolvers<void>()
    const slow: Exec = async (argv, options) => {
      if (!argv.includes('display-message')) return await exec(argv, options)
      looks.resolve()
      await gate.promise
      return await exec(argv, options).finally(() => setTimeout(looked.resolve, 500))
    }
    await site.runtime.stop({ end: false })
    const runtime = tmuxOver(site.root, { exec: slow })
    await runtime.ready()
    process.kill(Number(await tmux('list-clients', '-F', '#{client_pid}')), 'SIGKILL')
    await looks.promise
    await runtime.stop({ end: false })
    gate.resolve()
    await looked.promise
    expect(await tmux('list-clients', '-F', '#{client_pid}')).toBe('')
  })

  test('stopping is no loss; the server ends only when no agent is left', async () => {
    const agent = await launch(site, fixture('hangs'))
    await prints(site, agent, 'ready')
    await site.runtime.stop({ end: true })
    expect(await serverPid()).toBeGreaterThan(0)
    expect(await site.runtime.list()).toEqual(new Set([agent]))
    await site.directories.stop(agent, 2_000)
    await site.runtime.close(agent)
    await site.runtime.stop({ end: true })
    expect(await serverPid()).toBe(0)
    expect(lost).toBe(0)
  })

  describe('a client hangs that a killed daemon left before it had read what tmux told it', () => {
    let left: ReturnType<typeof spawnPiped>
    beforeEach(async () => {
      await site.runtime.stop({ end: false })
      const keeper = ['-C', 'attach-session', '-t', '=orch_keeper']
      left = spawnPiped(['tmux', '-S', at(site.root).socket, ...keeper], { env })
      onTestFinished(() => void left.kill('SIGKILL'))
      const clients = () => tmux('list-clients', '-F', '#{client_pid}')
      await until('it is connected', async () => (await clients()) === `${left.pid}`)
      const server = await serverPid()
      process.kill(server, 'SIGSTOP') // its answer then meets pipes that are closed already
      await new Promise((resolve) => left.stdin.write('list-sessions\n', resolve))
      for (const pipe of [left.stdin, left.stdout, left.stderr]) pipe.destroy()
      process.kill(server, 'SIGCONT')
      await tmux('detach-client', '-s', '=orch_keeper')
      expect(await clients()).toBe(`${left.pid}`)
    })

    test('the next daemon ends it', async () => {
      await site.runtime.ready()
      await until('it is gone', () => left.exitCode !== null || left.signalCode !== null)
    })

    test('the server ends all the same, and another one can start', async () => {
      const server = await serverPid()
      await site.runtime.stop({ end: true })
      await until('it is gone', () => left.exitCode !== null || left.signalCode !== null)
      await site.runtime.ready()
      expect(await serverPid()).not.toBe(server)
    })
  })

  test('the server is private and its own', async () => {
    expect(statSync(dirname(at(site.root).socket)).mode & 0o777).toBe(0o700)
    const options = `${await tmux('show-options', '-s')}\n${await tmux('show-options', '-g')}`
    expect(options).toContain('set-clipboard off')
    expect(options).toContain('exit-empty off')
    expect(options).toContain('history-limit 300')
    expect(await tmux('show-messages')).not.toMatch(/unknown|invalid/)
    expect(await tmux('show-environment', '-g')).not.toContain('TMUX=')
  })

  test('the pane shows the readable log, also after it was cut, and takes no keys', async () => {
    const agent = await launch(site, fixture('hangs'))
    const shown = (text: string) =>
      until(`the pane shows ${text}`, async () =>
        (await tmux('capture-pane', '-p', '-t', `=${agent}:`)).includes(text),
      )
    const length = await site.directories.appendLog(agent, 0, 'hello #(touch x)\n')
    await shown('hello #(touch x)')
    await site.directories.appendLog(agent, length, 'more\n')
    await shown('more')
    expect(await site.directories.appendLog(agent, length, 'better than that\n')).toBe(length + 17)
    expect((await site.directories.readLog(agent, 0, 100)).toString()).toBe(
      'hello #(touch x)\nbetter than that\n',
    )
    await site.directories.appendLog(agent, length + 17, 'last\n')
    await shown('last')
    for (const key of ['C-c', 'C-z', 'C-\\', 'C-d', 'Enter']) await tmux('send-keys', '-t', `=${agent}:`, key)
    await site.directories.appendLog(agent, length + 22, 'still here\n')
    await shown('still here')
    expect((await site.directories.status(agent)).state).toBe('running')
    expect(site.runtime.attach(agent)).toEqual([
      'tmux',
      '-S',
      at(site.root).socket,
      'attach-session',
      '-t',
      `=${agent}`,
    ])
  })

  test('one agent is not taken for another whose name begins alike', async () => {
    const [short, long] = ['task-1', 'task-10'] as const
    for (const agent of [long]) await launch(site, fixture('hangs'), { agent })
    await site.runtime.close(short)
    expect(await site.runtime.list()).toEqual(new Set([long]))
  })

  test('twenty at once, and the screen ends with each', async () => {
    const agents = await Promise.all(Array.from({ length: 20 }, () => launch(site, ['true'])))
    for (const agent of agents) expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
    await until('all sessions are gone', async () => (await site.runtime.list()).size === 0)
  })

  test('a flood does not grow the server', async () => {
    const pid = await serverPid()
    const rss = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    const before = rss()
    const agent = await launch(site, fixture('floods', '100'))
    await exitOf(site, agent)
    expect(rss() - before).toBeLessThan(2_048)
  })

  test('a person who kills the session ends the agent', async () => {
    const agent = await launch(site, fixture('hangs'))
    await prints(site, agent, 'ready')
    await pidsOf(site, agent)
    await tmux('kill-session', '-t', `=${agent}`)
    expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 129 })
  })

  test('a socket path that no system takes is refused with a word', async () => {
    const long = join(site.root, 'x'.repeat(100), 'attempts')
    await expect(tmuxOver(long).ready()).rejects.toMatchObject({ code: 'E_STATE_DIR' })
  })
}

function programSuite() {
  const withTmux = (script: string | undefined) => {
    const bin = temporaryDirectory()
    if (script) writeFileSync(join(bin, 'tmux'), `#!/bin/sh\n${script}\n`)
    if (script) chmodSync(join(bin, 'tmux'), 0o755)
    return tmuxOver(join(temporaryDirectory(), 'attempts'), { env: { PATH: bin } })
  }

  test('missing', async () => {
    const fix = expect.stringContaining('apt install tmux')
    await expect(withTmux(undefined).ready()).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING', fix })
  })
  test.each(['tmux 3.1c', 'tmux 2.9', 'tmux next-3.1'])('%s is too old', async (version) => {
    const old = expect.objectContaining({ code: 'E_PROGRAM_OLD' })
    await expect(withTmux(`echo ${version}`).ready()).rejects.toEqual(old)
  })
  test.each(['tmux 3.2', 'tmux 3.10', 'tmux 4.0', 'tmux master'])('%s would do', async (version) => {
    const runtime = withTmux(`[ "$1" = -V ] && echo ${version} || { echo broken >&2; exit 1; }`)
    const said = expect.objectContaining({ code: 'E_RUNTIME', message: expect.stringContaining('broken') })
    await expect(runtime.ready()).rejects.toEqual(said)
  })
}
