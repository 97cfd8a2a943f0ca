import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import { type Argv, type Env, spawnPiped } from '../../src/exec.ts'
import { type AttemptDirectories, createAttemptDirectories } from '../../src/runtime/attempt-dir.ts'
import { createProcProcessTable } from '../../src/runtime/processes/proc.ts'
import type { AttemptStatus, LaunchSpec, Runtime } from '../../src/runtime/runtime.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What a state directory may be called; tmux would run what stands in `#(…)`. */
export const HOSTILE = `it's "a" #(touch x) $(id)`
export const AGENT_ENV: Env = { PATH: process.env.PATH ?? '', LANG: 'C.UTF-8' }
const FIXTURES = fileURLToPath(new URL('../fixtures/agents', import.meta.url))

export const processes = createProcProcessTable()
export const fixture = (name: string, ...args: string[]): Argv => [join(FIXTURES, `${name}.sh`), ...args]
export const directoriesIn = (root: string): AttemptDirectories =>
  createAttemptDirectories({ root, clock: systemClock, processes })

/** Waits until the condition gives something; fails after `ms`. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
  ms = 15_000,
) {
  for (const deadline = Date.now() + ms; ; await systemClock.sleep(10)) {
    const value = await condition()
    if (value !== undefined && value !== false) return value
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms for: ${what}`)
  }
}

/** A place for attempts and a runtime over it. */
export interface Site {
  root: string
  directories: AttemptDirectories
  runtime: Runtime
  /** Directory that the agents work in. */
  work: string
}

let named = 0
export const freshName = () => `agent-${process.pid}-${++named}`

/** Prepares and starts an agent; everything of it is gone after the test. */
export async function launch(site: Site, argv: Argv, more: Partial<LaunchSpec> = {}): Promise<string> {
  const agent = await prepare(site, argv, more)
  await site.runtime.start(agent)
  return agent
}

export async function prepare(site: Site, argv: Argv, more: Partial<LaunchSpec> = {}): Promise<string> {
  const agent = more.agent ?? freshName()
  onTestFinished(async () => void (await site.directories.stop(agent, 0)))
  const rest = { env: AGENT_ENV, cwd: site.work, stdin: 'none' as const, prompt: '', setup: [] }
  await site.directories.prepare({ ...rest, agent, argv, ...more })
  return agent
}

export const reaches = (site: Site, agent: string, state: AttemptStatus['state'], ms?: number) =>
  until(
    `${agent} ${state}`,
    async () => {
      const status = await site.directories.status(agent)
      return status.state === state && status
    },
    ms,
  )

export const exitOf = async (site: Site, agent: string) => (await reaches(site, agent, 'exited')).exit

export const output = (site: Site, agent: string) => site.directories.read(agent, 0, 1e9)

export const prints = (site: Site, agent: string, text: string) =>
  until(`${agent} prints ${text}`, async () => (await output(site, agent)).includes(text))

export const marked = (agent: string) => processes.find({ mark: `ORCH_AGENT=${agent}` })

export const pidsOf = (site: Site, agent: string) =>
  until(`${agent} started`, () => {
    const file = join(site.directories.path(agent), 'started.json')
    return existsSync(file) && (JSON.parse(readFileSync(file, 'utf8')) as { shim: number; agent: number })
  })

export type MakeRuntime = (root: string, directories: AttemptDirectories) => Runtime

/** A site for the tests of one `describe`, in a place of a hostile name of which nothing may be read as a command. */
export function siteForAll(make: MakeRuntime): () => Site {
  let site: Site
  beforeAll(async () => {
    const root = join(temporaryDirectory(), HOSTILE, 'attempts')
    const work = join(dirname(root), 'work')
    await mkdir(work, { recursive: true })
    const directories = directoriesIn(root)
    site = { root, work, directories, runtime: make(root, directories) }
  })
  afterAll(async () => {
    await site.runtime.stop({ end: true })
    expect((await readdir(dirname(site.root))).sort()).not.toContain('x')
    expect(existsSync('x')).toBe(false)
  })
  return () => site
}

/** Runs over every adapter of the port. `make` gives a runtime over `root`; `program` starts one agent in a process of its own. */
export function runtimeContract(make: MakeRuntime): void {
  let site: Site
  const made = siteForAll(make)
  const newRuntime = () => make(site.root, site.directories)
  beforeAll(() => {
    site = made()
  })

  describe('starting', () => {
    test('an agent starts once, however often it is asked for', async () => {
      const agent = await prepare(site, ['sh', '-c', 'echo started; sleep 0.3'])
      const other = newRuntime()
      await Promise.all([site.runtime.start(agent), site.runtime.start(agent)])
      await other.stop({ end: false })
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
      await site.runtime.close(agent)
      await site.runtime.start(agent)
      await until('the second shim is gone', async () => !(await site.runtime.list()).has(agent))
      expect((await output(site, agent)).toString()).toBe('started\n')
    })

    test('an agent gets its own environment, no terminal, default signals and the mask of the daemon', async () => {
      const script =
        'env; (: </dev/tty) 2>/dev/null || echo no terminal; umask; pwd; grep SigIgn /proc/self/status'
      const env = { PATH: AGENT_ENV.PATH ?? '', TRICKY: "it's\n$(id) `id` \\" }
      const agent = await launch(site, ['bash', '-c', script], { env })
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
      const text = (await output(site, agent)).toString()
      const mask = process.umask().toString(8).padStart(4, '0')
      expect(text).toContain(`TRICKY=${env.TRICKY}\n`)
      expect(text).toContain(`no terminal\n${mask}\n${site.work}\nSigIgn:\t0000000000000000\n`)
      expect(text).toContain(`ORCH_AGENT=${agent}\n`)
      const names = text.match(/^[A-Z_]+(?==)/gm)
      expect(names?.filter((name) => !['_', 'PWD', 'SHLVL'].includes(name)).sort()).toEqual([
        'ORCH_AGENT',
        'PATH',
        'TRICKY',
      ])
    })

    test('arguments arrive exactly, whatever they hold', async () => {
      const args = [
        '',
        ' ',
        '#(touch x)',
        '$(id)',
        '`id`',
        "it's",
        'a\nb\n',
        '\\',
        '\u001b[31m',
        'ü€🎉',
        'x'.repeat(100_000),
        '-n',
      ]
      const agent = await launch(site, fixture('prints-arguments', ...args))
      await exitOf(site, agent)
      expect((await output(site, agent)).toString()).toBe(args.map((it) => `${it}\0`).join(''))
    })

    test('the prompt on standard input ends, none is empty', async () => {
      const prompt = `${'#(touch x) $(id)\n'.repeat(10_000)}no newline at the end`
      const reader = await launch(site, ['cat'], { stdin: 'prompt', prompt })
      const none = await launch(site, ['cat'])
      expect(await exitOf(site, reader)).toEqual({ phase: 'agent', status: 0 })
      expect((await output(site, reader)).toString()).toBe(prompt)
      expect(await exitOf(site, none)).toEqual({ phase: 'agent', status: 0 })
    })

    test('everything is private', async () => {
      const agent = await launch(site, ['true'], { stdin: 'fifo', prompt: 'secret', setup: [['true']] })
      await exitOf(site, agent)
      const directory = site.directories.path(agent)
      expect((await stat(directory)).mode & 0o777).toBe(0o700)
      for (const name of await readdir(directory))
        if (name !== 'lock')
          expect([name, (await stat(join(directory, name))).mode & 0o077]).toEqual([name, 0])
    })
  })

  describe('output', () => {
    test('is kept exactly: binary, and lines of 5 MB', async () => {
      const bytes = Buffer.concat([
        randomBytes(3_000_000),
        Buffer.from(`${'x'.repeat(5_000_000)}\n`),
        randomBytes(1000),
      ])
      await writeFile(join(site.work, 'bytes'), bytes)
      const agent = await launch(site, ['cat', 'bytes'])
      expect((await reaches(site, agent, 'exited')).outBytes).toBe(bytes.length)
      expect((await output(site, agent)).equals(bytes)).toBe(true)
      expect(await site.directories.read(agent, 2_999_999, 2)).toEqual(bytes.subarray(2_999_999, 3_000_001))
    })

    test('complaints are kept apart, or merged when that is asked for', async () => {
      const argv: Argv = ['sh', '-c', 'echo out; printf "\\033[31mred\\007\\n" >&2']
      const apart = await launch(site, argv)
      const merged = await launch(site, argv, { stderr: 'merge' })
      await exitOf(site, apart)
      await exitOf(site, merged)
      expect((await output(site, apart)).toString()).toBe('out\n')
      expect(await site.directories.errors(apart, 1000)).toBe('red\n')
      expect((await output(site, merged)).toString()).toBe('out\n\u001b[31mred\u0007\n')
    })

    test('a flood of 100 MB does not slow the runtime', async () => {
      const agent = await launch(site, fixture('floods', '100'))
      let worst = 0
      const flooded = await until(
        'the flood is over',
        async () => {
          const asked = performance.now()
          await site.runtime.list()
          worst = Math.max(worst, performance.now() - asked)
          const status = await site.directories.status(agent)
          return status.state === 'exited' && status
        },
        60_000,
      )
      expect(flooded.outBytes).toBeGreaterThanOrEqual(100 * 1048576)
      expect(worst).toBeLessThan(5_000)
    })
  })

  describe('conversation', () => {
    test('first input, then messages of several writers; never an end of file', async () => {
      const agent = await launch(site, fixture('echoes-lines'), { stdin: 'fifo', firstInput: 'first\n' })
      await site.directories.send(agent, 'one\n')
      await directoriesIn(site.root).send(agent, "it's $(two)\n")
      await prints(site, agent, "heard it's $(two)")
      await site.directories.send(agent, 'bye\n')
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
      const heard = ['listening', 'heard first', 'heard one', "heard it's $(two)", 'heard bye', '']
      expect((await output(site, agent)).toString()).toBe(heard.join('\n'))
    })

    test('long inputs arrive whole and in order, even while the set-up keeps the agent away', async () => {
      const agent = await prepare(site, ['sh', '-c', 'head -c 600000 | tr -d x'], {
        stdin: 'fifo',
        firstInput: `${'x'.repeat(300_000)}1`,
        setup: [['sleep', '0.3']],
      })
      const sent = Promise.all(
        [`${'x'.repeat(200_000)}2`, `${'x'.repeat(99_997)}3`].map((it) => site.directories.send(agent, it)),
      )
      await site.runtime.start(agent)
      await sent
      await exitOf(site, agent)
      expect((await output(site, agent)).toString()).toBe('123')
    })

    test('who does not listen cannot be spoken to', async () => {
      const deaf = await launch(site, fixture('hangs'))
      await prints(site, deaf, 'ready')
      const said = expect.objectContaining({ code: 'E_CANNOT_HEAR' })
      await expect(site.directories.send(deaf, 'x\n')).rejects.toEqual(said)
      const gone = await launch(site, ['true'], { stdin: 'fifo' })
      await exitOf(site, gone)
      await until('the shim is gone', () =>
        site.directories.send(gone, 'x').then(
          () => false,
          () => true,
        ),
      )
      await expect(site.directories.send(gone, 'x\n')).rejects.toEqual(said)
      await expect(site.directories.send('nobody', 'x\n')).rejects.toEqual(said)
    })
  })

  describe('the end', () => {
    test.each([
      ['exit 0', 0],
      ['exit 3', 3],
      ['kill -KILL $$', 137],
      ['kill -TERM $$', 143],
      ['kill -INT $$', 130],
    ])('%s gives %i', async (script, status) => {
      expect(await exitOf(site, await launch(site, ['sh', '-c', script]))).toEqual({ phase: 'agent', status })
    })

    test('a program that is not there, a directory that is not there', async () => {
      const missing = await launch(site, ['no-such-program-xyz'])
      expect(await exitOf(site, missing)).toEqual({ phase: 'agent', status: 127 })
      expect(await site.directories.errors(missing, 1000)).toContain('no-such-program-xyz')
      const nowhere = await launch(site, ['true'], { cwd: '/no/such/place' })
      expect(await exitOf(site, nowhere)).toEqual({ phase: 'agent', status: 126 })
    })

    test('set-up steps run in order in the same place; the first that fails ends the attempt', async () => {
      const step = (script: string): Argv => ['sh', '-c', script]
      const setup = [
        step('echo "$ORCH_AGENT" >order'),
        step('cat; echo two >>order'),
        step('echo no; exit 7'),
        step('echo four >>order'),
      ]
      const agent = await launch(site, step('echo five >>order'), {
        setup,
        stdin: 'prompt',
        prompt: 'not for steps',
      })
      expect(await exitOf(site, agent)).toEqual({ phase: 'setup', status: 7, step: 2 })
      expect(readFileSync(join(site.work, 'order'), 'utf8')).toBe(`${agent}\ntwo\n`)
      expect(await site.directories.errors(agent, 1000)).toBe('no\n')
      expect((await site.directories.status(agent)).outBytes).toBe('no\n'.length) // what steps print counts
    })

    test('is seen at once by watching', async () => {
      const agent = await launch(site, fixture('echoes-lines'), { stdin: 'fifo' })
      await prints(site, agent, 'listening')
      const seen = new Promise<number>((resolve) => {
        const stop = site.directories.watch(agent, async () => {
          if ((await site.directories.status(agent)).state === 'exited') resolve(performance.now())
        })
        onTestFinished(stop)
      })
      const asked = performance.now()
      await site.directories.send(agent, 'bye\n')
      expect((await seen) - asked).toBeLessThan(4_500) // a poll alone comes after five seconds
    })
  })

  describe('stopping', () => {
    test('TERM is enough for most', async () => {
      const agent = await launch(site, fixture('hangs'))
      await prints(site, agent, 'ready')
      await pidsOf(site, agent)
      expect(await site.directories.stop(agent, 5_000)).toEqual({ killed: 0 })
      expect((await site.directories.status(agent)).exit).toEqual({ phase: 'agent', status: 143 })
    })

    test('who ignores TERM is killed', async () => {
      const agent = await launch(site, fixture('ignores-sigterm'))
      await prints(site, agent, 'ready')
      await pidsOf(site, agent)
      const { killed } = await site.directories.stop(agent, 200)
      expect(killed).toBeGreaterThan(0)
      expect((await site.directories.status(agent)).exit).toEqual({ phase: 'agent', status: 137 })
      expect(await marked(agent)).toEqual([])
    })

    test('children in sessions of their own end too, marked or not', async () => {
      const agent = await launch(site, fixture('spawns-sessions'))
      await prints(site, agent, 'ready')
      const { agent: leader } = await pidsOf(site, agent)
      const children = await until('two children', async () => {
        const all = await processes.find({ sessions: [leader] })
        return all.length >= 3 && all
      })
      expect(await site.directories.stop(agent, 5_000)).toEqual({ killed: 0 })
      for (const { pid, start } of children) expect(await processes.alive(pid, start)).toBe(false)
    })

    test('what a finished agent left is swept', async () => {
      const agent = await launch(site, fixture('leaves-background-process'))
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
      expect((await marked(agent)).length).toBeGreaterThanOrEqual(2)
      expect((await site.directories.stop(agent, 200)).killed).toBeGreaterThan(0)
      expect(await marked(agent)).toEqual([])
      expect((await site.directories.status(agent)).exit).toEqual({ phase: 'agent', status: 0 })
    })

    test('a set-up that hangs ends', async () => {
      const agent = await launch(site, ['true'], { setup: [['true'], [...fixture('ignores-sigterm')]] })
      const log = join(site.directories.path(agent), 'setup.log')
      await until('the step runs', () => existsSync(log) && readFileSync(log, 'utf8').includes('ready'))
      await site.directories.stop(agent, 200)
      expect((await site.directories.status(agent)).exit).toEqual({ phase: 'setup', status: 143, step: 1 })
    })

    test('an agent that is stopped before its start never starts', async () => {
      const agent = await prepare(site, ['true'])
      expect(await site.directories.status(agent)).toEqual({ state: 'ready', turn: 1, words: 0, outBytes: 0 })
      await site.directories.stop(agent, 100)
      await site.runtime.start(agent)
      await until('no shim', async () => !(await site.runtime.list()).has(agent))
      expect(await site.directories.status(agent)).toMatchObject({
        state: 'exited',
        exit: { phase: 'setup' },
      })
      expect(await site.directories.stop('never-heard-of', 100)).toEqual({ killed: 0 })
      expect(await site.directories.status('never-heard-of')).toEqual({
        state: 'absent',
        turn: 0,
        words: 0,
        outBytes: 0,
      })
    })

    test('stopping twice at once, and in the middle of the start', async () => {
      const agents = await Promise.all(Array.from({ length: 10 }, () => launch(site, fixture('hangs'))))
      await Promise.all(
        agents.flatMap((agent) => [site.directories.stop(agent, 3_000), site.directories.stop(agent, 3_000)]),
      )
      for (const agent of agents) {
        await reaches(site, agent, 'exited')
        expect(await marked(agent)).toEqual([])
      }
    })
  })

  describe('deaths', () => {
    test('an agent survives kill -9 of the process that started it, and is taken up again', async () => {
      const agent = freshName()
      await site.runtime.stop({ end: false }) // two daemons never share a server
      const program = fileURLToPath(new URL('../fixtures/starts-agent.ts', import.meta.url))
      const argv: Argv = [
        process.execPath,
        program,
        site.runtime.name,
        site.root,
        agent,
        ...fixture('echoes-lines'),
      ]
      const starter = spawnPiped(argv, { cwd: site.work, env: AGENT_ENV })
      onTestFinished(async () => void (await site.directories.stop(agent, 0)))
      await prints(site, agent, 'listening')
      starter.kill('SIGKILL')
      const directories = directoriesIn(site.root)
      const runtime = newRuntime()
      expect(await runtime.list()).toContain(agent)
      expect((await directories.status(agent)).state).toBe('running')
      await directories.send(agent, 'bye\n')
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 0 })
      expect((await output(site, agent)).toString()).toBe('listening\nheard bye\n')
      await runtime.stop({ end: false })
    })

    test('kill -9 of the shim alone: lost, and stop sweeps the orphan', async () => {
      const agent = await launch(site, fixture('hangs'))
      await prints(site, agent, 'ready')
      const { shim } = await pidsOf(site, agent)
      process.kill(shim, 'SIGKILL')
      await reaches(site, agent, 'lost')
      expect(await marked(agent)).toHaveLength(1)
      await site.directories.stop(agent, 2_000)
      expect(await marked(agent)).toEqual([])
      expect((await site.directories.status(agent)).state).toBe('lost')
      await until('no screen is left', async () => !(await site.runtime.list()).has(agent))
    })

    test('HUP to the shim ends the agent, even one that ignores TERM', async () => {
      const agent = await launch(site, fixture('ignores-sigterm'))
      await prints(site, agent, 'ready')
      process.kill((await pidsOf(site, agent)).shim, 'SIGHUP')
      expect(await exitOf(site, agent)).toEqual({ phase: 'agent', status: 129 })
      expect(await marked(agent)).toEqual([])
    })
  })

  describe('books', () => {
    test('list, close and remove', async () => {
      const agent = await launch(site, fixture('hangs'))
      await prints(site, agent, 'ready')
      expect(await site.runtime.list()).toContain(agent)
      expect(await site.directories.list()).toContain(agent)
      await expect(site.directories.remove(agent)).rejects.toMatchObject({ code: 'E_STATE' })
      await site.directories.stop(agent, 2_000)
      await site.runtime.close(agent)
      await site.runtime.close(agent)
      expect(await site.runtime.list()).not.toContain(agent)
      await site.directories.remove(agent)
      await site.directories.remove(agent)
      expect(await site.directories.list()).not.toContain(agent)
    })

    test('preparing again changes nothing that runs', async () => {
      const agent = await launch(site, fixture('hangs'))
      await prints(site, agent, 'ready')
      await site.directories.prepare({
        agent,
        argv: ['false'],
        env: {},
        cwd: '/',
        stdin: 'none',
        prompt: 'x',
        setup: [],
      })
      expect(readFileSync(join(site.directories.path(agent), 'spec.sh'), 'utf8')).toContain('hangs')
    })

    test('names that tmux would read something into are refused everywhere', async () => {
      for (const bad of ['#(touch x)', '../x', '', 'A', 'a b', '-x', 'a'.repeat(41)]) {
        const refused = expect.objectContaining({ code: 'E_INVALID' })
        await expect(site.runtime.start(bad)).rejects.toEqual(refused)
        await expect(site.directories.status(bad)).rejects.toEqual(refused)
      }
    })
  })
}
