import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { systemClock } from '../../clock.ts'
import { type Argv, type Exec, exec, spawnDetached } from '../../exec.ts'
import { createAttemptDirectories } from '../attempt-dir.ts'
import { createProcessRuntime } from '../process/process.ts'
import { createProcProcessTable } from '../processes/proc.ts'
import { createLimiter } from './limits.ts'
import { findProgram } from './probe.ts'

const PATH = process.env.PATH ?? ''
const LINUX = process.platform === 'linux'
const BOTH = { memoryBytes: 1_000_000_000, cpuPercent: 150 }

/** A PATH with only these of the system's programs, and scripts of our own. */
function programs(names: string[], scripts: Record<string, string> = {}): string {
  const bin = temporaryDirectory()
  for (const name of names) symlinkSync(findProgram(name, { PATH }) ?? '/nowhere', join(bin, name))
  for (const [name, script] of Object.entries(scripts)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  return bin
}
const limiterWith = (path: string, more: { platform?: NodeJS.Platform; exec?: Exec; env?: object } = {}) =>
  createLimiter({
    platform: more.platform ?? 'linux',
    exec: more.exec ?? exec,
    env: { PATH: path, ...more.env },
  })
const BOUND = Math.floor(5_000_000_000 / 1024)
const LADDER = ['nice', 'ionice', 'prlimit']
const run = (argv: Argv) => exec(argv, { env: { PATH } })

test('without limits nothing is put before, and nothing is tried', async () => {
  const never: Exec = () => Promise.reject(new Error('was tried'))
  const limiter = limiterWith(PATH, { exec: never })
  expect(await limiter.wrap(['p', 'x'], undefined, {})).toEqual(['p', 'x'])
  expect(await limiter.wrap(['p', 'x'], {}, {})).toEqual(['p', 'x'])
})

test.runIf(LINUX)('without systemd: behind all others, first to go, and bounded', async () => {
  const limiter = limiterWith(programs(LADDER))
  const look = 'cat /proc/self/oom_score_adj; nice; ionice; ulimit -d; printf "%s|" "$@"'
  const args = ['A=b', '', '--', '-p', "it's\n"]
  const { code, stdout } = await run(await limiter.wrap(['sh', '-c', look, 'sh', ...args], BOTH, {}))
  expect(code).toBe(0)
  expect(stdout).toBe(`500\n10\nbest-effort: prio 7\n${BOUND}\nA=b||--|-p|it's\n|`)
})

test.runIf(LINUX)('only what is limited', async () => {
  const limiter = limiterWith(programs(LADDER))
  const look: Argv = ['sh', '-c', 'cat /proc/self/oom_score_adj; nice; ulimit -d']
  const memory = await limiter.wrap(look, { memoryBytes: 1_000_000_000 }, {})
  expect((await run(memory)).stdout).toBe(`500\n0\n${BOUND}\n`)
  const cpu = await limiter.wrap(look, { cpuPercent: 50 }, {})
  expect((await run(cpu)).stdout).toBe('0\n10\nunlimited\n')
})

test.runIf(LINUX)('process id, exit status and signals pass through', async () => {
  const limiter = limiterWith(programs(LADDER))
  const wrapped = async (script: string) => run(await limiter.wrap(['sh', '-c', script], BOTH, {}))
  expect(await wrapped('exit 7')).toMatchObject({ code: 7 })
  expect(await wrapped('kill -TERM $$')).toMatchObject({ killedBy: 'SIGTERM' })
  expect(await run(await limiter.wrap(['no-such-program-xyz'], BOTH, {}))).toMatchObject({ code: 127 })
})

test('programs that are missing or do not work are left out', async () => {
  const broken = programs(['nice'], { ionice: 'echo no >&2; exit 1', prlimit: 'exit 0' })
  const cpu = await limiterWith(broken).wrap(['p'], { cpuPercent: 50 }, {})
  expect(cpu).toEqual([join(broken, 'nice'), '-n', '10', '/bin/sh', '-c', 'exec "$@"', 'sh', 'p'])
  expect(await limiterWith(programs([])).wrap(['p'], { cpuPercent: 50 }, {})).toEqual(['p'])
})

test('not on Linux: nice alone', async () => {
  const path = programs(LADDER)
  const limiter = limiterWith(path, { platform: 'darwin' })
  const nice = [join(path, 'nice'), '-n', '10', '/bin/sh', '-c', 'exec "$@"', 'sh', 'p']
  expect(await limiter.wrap(['p'], BOTH, {})).toEqual(nice)
  expect(await limiter.wrap(['p'], { memoryBytes: 1e9 }, {})).toEqual(['p'])
})

/** Stands for systemd-run: notes how it was called; `limits` is what its control group says. */
const systemd = (log: string, limits: string) => `
echo "$XDG_RUNTIME_DIR $*" >>'${log}'
while [ "$1" != -- ]; do shift; done
shift
case "$*" in *memory.max*) printf '${limits}'; exit ;; esac
exec "$@"`

test('where the user has a systemd: a scope, found out once, and the agent does not get the bus', async () => {
  const log = join(temporaryDirectory(), 'log')
  const path = programs(LADDER, { 'systemd-run': systemd(log, '67108864\\n50000 100000\\n') })
  const limiter = limiterWith(path, { env: { XDG_RUNTIME_DIR: '/run/user/7', HOME: '/h' } })
  const script: Argv = ['sh', '-c', 'echo "$(printenv XDG_RUNTIME_DIR || echo none) $1"; exit 7', 'sh', 'A=b']
  const first = await run(await limiter.wrap(script, BOTH, {}))
  expect(first).toMatchObject({ code: 7, stdout: 'none A=b\n' })
  const own = await limiter.wrap(script, BOTH, { XDG_RUNTIME_DIR: '/own' })
  expect((await exec(own, { env: { PATH, XDG_RUNTIME_DIR: '/own' } })).stdout).toBe('/own A=b\n')
  const calls = readFileSync(log, 'utf8')
    .split('\n')
    .filter((line) => line.includes('--scope'))
  const scope = '/run/user/7 --user --scope --quiet --collect -p'
  expect(calls).toEqual([
    expect.stringContaining(`${scope} MemoryMax=67108864 -p CPUQuota=50% -- `),
    expect.stringContaining(`${scope} MemoryMax=1000000000 -p CPUQuota=150% -- `),
    expect.stringContaining(`${scope} MemoryMax=1000000000 -p CPUQuota=150% -- `),
  ])
})

test('what the scope does not really limit is left to the rest of the ladder', async () => {
  const log = join(temporaryDirectory(), 'log')
  const path = programs(['nice'], { 'systemd-run': systemd(log, '67108864\\n') })
  const wrapped = await limiterWith(path).wrap(['p'], BOTH, {})
  expect(wrapped.join(' ')).toContain(`-p MemoryMax=1000000000 -- ${join(path, 'nice')} -n 10`)
  expect(wrapped.join(' ')).not.toContain('CPUQuota')
})

test('a bus that hangs is none', async () => {
  const path = programs(['nice'], { 'systemd-run': `exec ${findProgram('sleep', { PATH })} 1000` })
  const impatient: Exec = (argv, options) =>
    exec(argv, { ...options, timeoutMs: (options.timeoutMs ?? 0) / 20 })
  const asked = performance.now()
  const wrapped = await limiterWith(path, { exec: impatient }).wrap(['p'], { cpuPercent: 5 }, {})
  expect(performance.now() - asked).toBeGreaterThan(140)
  expect(wrapped[0]).toBe(join(path, 'nice'))
})

test.runIf(LINUX)('an attempt runs within its limits, in its later turns too', async () => {
  const root = join(temporaryDirectory(), 'attempts')
  mkdirSync(root)
  const limiter = limiterWith(programs(LADDER))
  const env = { PATH }
  const processes = createProcProcessTable()
  const directories = createAttemptDirectories({ root, clock: systemClock, processes, limiter })
  const runtime = createProcessRuntime({ root, directories, spawnDetached, env })
  const rest = { agent: 'a', env, cwd: '/', stdin: 'none' as const, prompt: '', limits: BOTH }
  const spec = {
    ...rest,
    argv: ['sh', '-c', 'nice; exit 9'] as Argv,
    setup: [['sh', '-c', 'nice']] as Argv[],
  }
  const ends = async (turn: number) => {
    await runtime.start('a')
    for (;;) {
      const status = await directories.status('a')
      if (status.state === 'exited') return expect(status).toMatchObject({ turn, exit: { status: 9 } })
      await systemClock.sleep(10)
    }
  }
  await directories.prepare(spec)
  await ends(1)
  await directories.proceed(spec)
  await ends(2)
  expect(String(await directories.read('a', 0, 1_000)).match(/^\d+$/gm)).toEqual(['10', '10'])
  expect(readFileSync(join(root, 'a', 'setup.log'), 'utf8')).toBe('0\n')
  await expect(directories.prepare({ ...spec, agent: 'b', argv: ['-x'] })).rejects.toMatchObject({
    code: 'E_INVALID',
  })
})
