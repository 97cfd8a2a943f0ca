import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import type { Argv } from '../exec.ts'
import { type AttemptDirectories, createAttemptDirectories } from './attempt-dir.ts'
import { createProcProcessTable } from './processes/proc.ts'
import type { LaunchSpec } from './runtime.ts'

const PATH = process.env.PATH ?? ''
const SHELLS: Argv[] = [['dash'], ['bash', '--posix'], ['bash'], ['busybox', 'sh'], ['/bin/sh']]
const find = (program: string) =>
  program.startsWith('/')
    ? program
    : PATH.split(':')
        .map((place) => `${place}/${program}`)
        .find(existsSync)

/** The shim must do the same in every shell; the contract suite goes deeper with /bin/sh. */
describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('in $name', ({ shell }) => {
  const program = find(shell[0])
  const it = test.runIf(program)
  // Without setsid the shim takes `set -m`, as on macOS.
  const places = [
    { with: 'setsid', path: PATH },
    { with: 'set -m', path: '' },
  ]

  describe.each(shell[0] === 'bash' ? places : places.slice(0, 1))('with $with', ({ path }) => {
    const environment = path || withoutSetsid()

    const run = async (
      argv: Argv,
      more: Partial<LaunchSpec> = {},
      during?: (d: AttemptDirectories, shim: number) => unknown,
    ) => {
      const root = temporaryDirectory()
      const directories = createAttemptDirectories({
        root,
        clock: systemClock,
        processes: createProcProcessTable(),
      })
      const rest = { env: { PATH }, cwd: root, stdin: 'none' as const, prompt: '', setup: [] }
      const { agent = 'a' } = more
      await directories.prepare({ agent, argv, ...rest, ...more })
      const child = spawn(program ?? '', [...shell.slice(1), 'shim.sh', agent], {
        cwd: root,
        env: { PATH: environment },
        detached: true,
        stdio: 'ignore',
      })
      onTestFinished(async () => void (await directories.stop(agent, 0)))
      const ended = new Promise((resolve) => child.on('close', resolve))
      if (!child.pid) throw new Error(`${program} does not start`)
      await during?.(directories, child.pid)
      await ended
      const out = (await directories.read(agent, 0, 1e6)).toString()
      return { out, exit: (await directories.status(agent)).exit, directories, root }
    }
    const soon = (seconds: number) => Date.now() + seconds * 1_000
    /** Nor does anybody nap on: it would be there for five seconds. */
    const nobodyIn = async (root: string) =>
      expect.poll(() => processesIn(root), { timeout: 3_000, interval: 10 }).toEqual([])
    const printed = async (directories: AttemptDirectories, text: string) => {
      while (!(await directories.read('a', 0, 1e6)).includes(text)) await systemClock.sleep(10)
    }

    it('runs an agent with its arguments and environment', async () => {
      const argv: Argv = ['sh', '-c', 'printf "%s|" "$@" "$X"; exit 3', 'sh', "it's", '$(id)\n', '']
      const { out, exit, root } = await run(argv, { env: { PATH, X: '`id`' } })
      expect(out).toBe("it's|$(id)\n||`id`|")
      expect(exit).toEqual({ phase: 'agent', status: 3 })
      expect(readFileSync(`${root}/a/shim.log`, 'utf8')).toBe('')
      expect(readdirSync(`${root}/a`).filter((name) => name.includes('.new'))).toEqual([])
    })

    it('leads a group of its own', async () => {
      const { out } = await run(['sh', '-c', 'echo $$; cut -d" " -f5 /proc/$$/stat'])
      const [pid, group] = out.split('\n')
      expect(group).toBe(pid)
    })

    it('holds a conversation', async () => {
      const { out, exit } = await run(
        ['sh', '-c', 'read a; read b; echo "$a $b"'],
        { stdin: 'fifo', firstInput: 'one\n' },
        (directories) => directories.send('a', 'two\n'),
      )
      expect([out, exit]).toEqual(['one two\n', { phase: 'agent', status: 0 }])
    })

    it('ends an attempt whose set-up fails', async () => {
      const { exit, directories } = await run(['echo', 'no'], {
        setup: [['true'], ['sh', '-c', 'echo why; kill -9 $$']],
      })
      expect(exit).toEqual({ phase: 'setup', status: 137, step: 1 })
      expect(await directories.errors('a', 100)).toContain('why')
    })

    it.each(['SIGHUP', 'SIGTERM'] as const)('%s ends the agent', async (signal) => {
      const { exit } = await run(
        ['sh', '-c', 'echo ready; exec sleep 100'],
        {},
        async (directories, shim) => {
          await printed(directories, 'ready')
          process.kill(shim, signal)
        },
      )
      expect(exit).toEqual({ phase: 'agent', status: signal === 'SIGHUP' ? 129 : 143 })
    })

    it('a signal at any moment of the start is heeded', async () => {
      for (const delay of [0, 2, 4, 6, 8, 10, 15]) {
        const asked = Date.now()
        const { exit, directories } = await run(['sleep', '100'], { setup: [['true']] }, async (it, shim) => {
          while ((await it.status('a')).state === 'ready') await systemClock.sleep(1)
          await systemClock.sleep(delay)
          process.kill(shim, 'SIGTERM')
        })
        expect(exit).toMatchObject({ status: 143 })
        expect(Date.now() - asked).toBeLessThan(60_000) // the agent's own time is longer
        expect((await directories.stop('a', 0)).killed).toBe(0)
      }
    })

    it('sweeps what the agent left in its group', async () => {
      const { out, exit } = await run(['sh', '-c', 'sleep 100 & echo $!'])
      expect(exit).toEqual({ phase: 'agent', status: 0 })
      expect(await createProcProcessTable().find({ pids: [Number(out)] })).toEqual([])
    })

    // All in one: each waits for the same three seconds.
    it('ends the agent when its lease is over, and no sooner', async () => {
      const stubborn = async () => {
        const script = 'trap "" TERM; setsid sleep 100 & echo $!; while :; do sleep 1; done'
        const began = Date.now()
        const { out, exit, root } = await run(['sh', '-c', script], { agent: 'b', leaseUntil: soon(3) })
        expect(exit).toEqual({ phase: 'agent', status: 143, reason: 'lease-ended' })
        expect(Date.now() - began).toBeGreaterThan(1_900)
        expect(Date.now() - began).toBeLessThan(3_000 + 5_000) // what others wait before they take the task
        // Killed, but perhaps not yet gone.
        const table = createProcProcessTable()
        await expect.poll(() => table.find({ pids: [Number(out)] }), { timeout: 3_000 }).toEqual([])
        await nobodyIn(root)
      }
      const renewed = async () => {
        const { exit, root } = await run(
          ['sleep', '4'],
          { agent: 'c', leaseUntil: soon(3) },
          async (directories) => {
            for (const seconds of [3, 4, 60]) {
              await systemClock.sleep(500)
              await directories.hold('c', soon(seconds))
            }
          },
        )
        expect(exit).toEqual({ phase: 'agent', status: 0 })
        await nobodyIn(root)
      }
      const inSetup = async () => {
        const { exit } = await run(['echo', 'no'], {
          agent: 'd',
          leaseUntil: soon(3),
          setup: [['sleep', '100']],
        })
        expect(exit).toEqual({ phase: 'setup', status: 143, step: 0, reason: 'lease-ended' })
      }
      const withoutShim = async () => {
        const argv: Argv = ['sh', '-c', 'echo $$; exec sleep 100']
        const { out, root } = await run(argv, { leaseUntil: soon(3) }, async (directories, shim) => {
          await printed(directories, '\n')
          process.kill(shim, 'SIGKILL')
        })
        const table = createProcProcessTable()
        await expect
          .poll(() => table.find({ pids: [Number(out)] }), { timeout: 20_000, interval: 50 })
          .toEqual([])
        await nobodyIn(root)
      }
      await Promise.all([stubborn(), renewed(), inSetup(), withoutShim()])
    })

    it('begins nothing after its lease', async () => {
      const { out, exit } = await run(['echo', 'no'], { leaseUntil: soon(-1) })
      expect([out, exit]).toEqual(['', { phase: 'setup', status: 143, step: 0, reason: 'lease-ended' }])
    })

    it('leaves nobody who watches the lease, however short the agent was', async () => {
      for (let i = 0; i < 10; i++) {
        const { exit, root } = await run(['true'], { leaseUntil: soon(60) })
        expect(exit).toEqual({ phase: 'agent', status: 0 })
        await nobodyIn(root)
      }
    })

    it('leaves no part of a file that the full disk did not take', async () => {
      const full: Argv[] = [['ln', '-s', '/dev/full', 'a/started.json.new']]
      const { exit, root } = await run(['true'], { setup: full })
      const names = readdirSync(`${root}/a`)
      rmSync(`${root}/a/started.json`, { force: true }) // stop() would read it
      expect(exit).toEqual({ phase: 'agent', status: 0 })
      expect(names).not.toContain('started.json')
    })

    it('runs once', async () => {
      const { root } = await run(['echo', 'once'])
      execFileSync(program ?? '', [...shell.slice(1), 'shim.sh', 'a'], { cwd: root, env: { PATH } })
      expect(readFileSync(`${root}/a/out.jsonl`, 'utf8')).toBe('once\n')
    })
  })
})

/** Agent and shim work in it or below. */
const processesIn = (directory: string): string[] =>
  readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && linkOf(`/proc/${pid}/cwd`).startsWith(directory))

const linkOf = (link: string): string => {
  try {
    return readlinkSync(link)
  } catch {
    return '' // gone, or not ours
  }
}

/** A PATH with what the shim uses but for setsid. */
function withoutSetsid(): string {
  const bin = temporaryDirectory()
  const programs = [
    'ln',
    'mv',
    'rm',
    'cat',
    'env',
    'mkfifo',
    'sleep',
    'true',
    'tail',
    'tr',
    'ps',
    'stty',
    'sh',
    'date',
    'grep',
    'sed',
  ]
  for (const name of programs) execFileSync('sh', ['-c', `ln -s "$(command -v ${name})" "${bin}/${name}"`])
  return bin
}
