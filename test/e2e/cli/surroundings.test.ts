import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { exec } from '../../../src/exec.ts'
import { makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository } from '../../support/repository.ts'
import { overRedis } from '../../support/store-choice.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Machines and directories that are not as they should be. */

function withProgram(settings: Record<string, string> = {}): Program {
  const program = makeProgram(settings)
  onTestFinished(() => program.close())
  return program
}

/** What Orch and its shim call, and nothing else. */
const NEEDED = [
  'sh',
  'git',
  'cat',
  'date',
  'env',
  'ln',
  'mkfifo',
  'mv',
  'ps',
  'rm',
  'setsid',
  'sleep',
  'stty',
  'tail',
]

/** A directory for PATH with links to these programs, and scripts. */
async function pathWith(names: string[], scripts: Record<string, string> = {}): Promise<string> {
  const directory = temporaryDirectory('orch-path')
  const env = { PATH: process.env.PATH ?? '' }
  for (const name of names) {
    const found = await exec(['sh', '-c', 'command -v "$1"', 'which', name], { env })
    if (found.code === 0) symlinkSync(found.stdout.trim(), join(directory, name))
  }
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  return directory
}

const repository = async () => (await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })).path
const run = (...options: string[]) => ['run', ...options, '--agent', 'command', '--', ...works('x.txt')]

it('no tmux: a clear error before anything is begun; --runtime process works', async () => {
  const program = withProgram({ PATH: await pathWith(NEEDED) })
  const cwd = await repository()
  const { code, out, err } = await program.orch(run(), { cwd })
  expect({ code, out }).toEqual({ code: 4, out: '' })
  expect(err).toMatch(
    /^error: tmux is not installed\ncode: E_PROGRAM_MISSING\nwhat to do: Install tmux .*--runtime process/,
  )
  expect(await program.orch(run('--runtime', 'process'), { cwd })).toMatchObject({ code: 0, err: '' })
  expect((await program.orch(['status'])).out).toMatch(/warning .*tmux is not installed[\s\S]*1 accepted/)
  const doctor = await program.orch(['doctor'], { cwd })
  expect(doctor.out).toMatch(/^[✗!] tmux +not installed/m)
})

it('tmux too old', async () => {
  const old = await pathWith(NEEDED, { tmux: 'echo "tmux 3.1c"' })
  const program = withProgram({ PATH: old })
  const { code, err } = await program.orch(run(), { cwd: await repository() })
  expect(code).toBe(4)
  expect(err).toMatch(
    /^error: tmux 3\.1c is too old\ncode: E_PROGRAM_OLD\nwhat to do: Install tmux 3\.2 or later/,
  )
  expect((await program.orch(['doctor'])).out).toMatch(/^[✗!] tmux .*3\.1c/m)
})

it('no git', async () => {
  const program = withProgram({ PATH: await pathWith(NEEDED.filter((it) => it !== 'git')) })
  const { code, err } = await program.orch(run(), { cwd: await repository() })
  expect({ code, err }).toEqual({ code: 4, err: expect.stringMatching(/git[\s\S]*E_PROGRAM_MISSING/) })
  expect((await program.orch(['doctor'])).code).toBe(4)
})

// A Redis is reached by the network, be it loopback.
it.runIf(process.getuid?.() === 0 && process.platform === 'linux' && !overRedis)(
  'no network at all',
  async () => {
    const program = withProgram()
    const cwd = await repository()
    const before = ['unshare', '--net', '--']
    expect(await program.orch(run(), { cwd, before })).toMatchObject({ code: 0, err: '' })
    expect(await program.orch(['pr', 'merge', '1'], { cwd, before })).toMatchObject({ code: 0 })
    expect(await program.orch(['doctor'], { cwd, before })).toMatchObject({ code: 0 })
  },
)

it.each(['status', 'start', 'run x', 'stop'])(
  'orch %s, and the state directory is no directory',
  async (line) => {
    const program = withProgram()
    writeFileSync(program.paths.state, '')
    const { code, err } = await program.orch(line.split(' '), { cwd: await repository() })
    if (line === 'status') return expect(code).toBe(5)
    if (line === 'stop') return expect(code).toBe(0)
    expect({ code, err }).toEqual({
      code: 4,
      err: expect.stringMatching(/is not a directory\ncode: E_STATE_DIR/),
    })
  },
)

it('a state directory with too long a path, and one that others can read', async () => {
  const long = join(temporaryDirectory(), 'a'.repeat(100))
  const program = withProgram()
  const tooLong = await program.orch(['start'], { env: { ORCH_STATE_DIR: long } })
  expect(tooLong).toMatchObject({
    code: 4,
    err: expect.stringMatching(/99: \/.*\ncode: E_STATE_DIR[\s\S]*shorter path/),
  })
  expect(existsSync(long)).toBe(false)
  const open = temporaryDirectory()
  writeFileSync(join(open, 'file'), '')
  chmodSync(open, 0o755)
  const readable = await program.orch(['start'], { env: { ORCH_STATE_DIR: open } })
  expect(readable).toMatchObject({ code: 4, err: expect.stringMatching(/is open to others[\s\S]*chmod 700/) })
})

it('a state directory that cannot be written to', async () => {
  const directory = join(temporaryDirectory(), 'kept')
  mkdirSync(directory, { mode: 0o500 })
  const root = process.getuid?.() === 0
  const state = root ? '/proc/orch' : join(directory, 's') // nothing stops root but the kernel
  const { code, err } = await withProgram().orch(['start'], { env: { ORCH_STATE_DIR: state } })
  expect({ code, err }).toEqual({
    code: 4,
    err: expect.stringMatching(/cannot be made \(E\w+\)\ncode: E_STATE_DIR/),
  })
})

it('a daemon that cannot start says why', async () => {
  const program = withProgram({ ORCH_LEASE_SECONDS: 'soon' })
  const { code, out, err } = await program.orch(['start'])
  expect({ code, out }).toEqual({ code: 5, out: '' })
  expect(err).toMatch(
    /^error: the daemon ended at its start with code 2:\norchd: E_CONFIG: ORCH_LEASE_SECONDS: "soon"/,
  )
  expect(err).toContain(`All it printed: ${program.paths.output}`)
})

it('a store that is no store', async () => {
  const program = withProgram()
  mkdirSync(join(program.paths.state, 'store'), { recursive: true, mode: 0o700 })
  chmodSync(program.paths.state, 0o700)
  writeFileSync(program.paths.store, 'garbage '.repeat(1_000))
  const { code, err } = await program.orch(['start'])
  expect({ code, err }).toEqual({ code: 5, err: expect.stringMatching(/E_STORE[\s\S]*orch store restore/) })
})

it('outside of a repository, and in ones where no work can begin', async () => {
  const program = withProgram()
  const outside = temporaryDirectory('orch-outside')
  for (const line of ['run x', 'pr list', 'pr create', 'status --repo'])
    expect(await program.orch(line.split(' '), { cwd: outside })).toMatchObject(
      line.startsWith('status')
        ? { code: 4, err: expect.stringContaining('E_NOT_A_REPOSITORY') }
        : {
            code: 4,
            err: expect.stringMatching(/not in a git repository\ncode: E_NOT_A_REPOSITORY\n.*--repo PATH/),
          },
    )
  const { path } = await makeRepository({ directory: temporaryDirectory(), commits: 0 })
  expect(await program.orch(run(), { cwd: path })).toMatchObject({
    code: 4,
    err: expect.stringContaining('code: E_NO_COMMIT'),
  })
  const anonymous = await makeRepository({ directory: temporaryDirectory(), identity: false })
  expect(await program.orch(run(), { cwd: anonymous.path })).toMatchObject({
    code: 4,
    err: expect.stringMatching(/E_NO_IDENTITY\nwhat to do: git config/),
  })
  const cwd = await repository()
  expect(await program.orch(run('--base', 'maine'), { cwd })).toMatchObject({
    code: 4,
    err: expect.stringMatching(/no branch maine .*did you mean main\?/),
  })
})

it.each([
  ['stauts', 2, 'did you mean status?'],
  ['run --detatch x', 2, 'did you mean --detach?'],
  ['pr mrege 1', 2, 'did you mean merge?'],
  ['run', 2, 'there is no task'],
  ['run --agent command', 2, '--agent command needs a program'],
  ['run --agent commnd -- ls', 2, 'did you mean command?'],
  ['run -f nothing.yaml', 3, 'cannot read nothing.yaml'],
])('orch %s', async (line, code, message) => {
  const program = withProgram()
  const ran = await program.orch(line.split(' '), { cwd: await repository() })
  expect(ran).toMatchObject({ code, out: '', err: expect.stringContaining(message) })
  expect(ran.err).toMatch(/\nwhat to do: .+\n$/)
})
