import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { exec } from '../../../src/exec.ts'
import { bin, makeProgram, type Program, works } from '../../support/program.ts'
import { makeRepository, type SampleRepository } from '../../support/repository.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Daemon, store and configuration as a person looks after them; the tests follow each other. */

let program: Program
let repository: SampleRepository
let cwd: string
beforeAll(async () => {
  program = makeProgram({ ORCH_TRIES: '' })
  repository = await makeRepository({ directory: temporaryDirectory('orch-cli-repo') })
  cwd = repository.path
})
afterAll(() => program.close())

it('commands that start no daemon', async () => {
  expect(await program.orch(['status'])).toMatchObject({
    code: 5,
    err: 'error: no daemon is running\ncode: E_DAEMON\nwhat to do: `orch start` starts it.\n',
  })
  expect(await program.orch(['stop'])).toMatchObject({ code: 0, out: 'no daemon is running\n', err: '' })
  expect(await program.orch(['reset', '--yes'])).toMatchObject({
    code: 0,
    out: expect.stringContaining('there is nothing in'),
  })
  for (const line of ['config show', 'config path', 'version', 'completion fish', '--version', '--help'])
    expect(await program.orch(line.split(' '), { cwd })).toMatchObject({ code: 0, err: '' })
  expect(existsSync(program.paths.state)).toBe(false)
})

it('start and stop, twice', async () => {
  const started = await program.orch(['start'])
  expect(started).toMatchObject({
    code: 0,
    err: '',
    out: expect.stringMatching(/^orchd \S+ is running, pid \d+\n$/),
  })
  expect((await program.orch(['start'])).out).toBe(started.out)
  expect((await program.orch(['status'])).out).toMatch(/\nNo tasks\. Begin with: orch run /)
  expect(await program.orch(['stop'])).toMatchObject({ code: 0, out: 'stopped the daemon\n' })
  expect(existsSync(program.paths.socket)).toBe(false)
})

it('doctor', async () => {
  const { code, out } = await program.orch(['doctor'], { cwd })
  expect(code).toBe(0)
  for (const line of [/^✓ git +version /m, /^✓ tmux +version /m, /^✓ git identity +Sam Sample/m, /\nevery/])
    expect(out).toMatch(line)
  expect(out).not.toMatch(/^✓ .*not installed/m)
  expect(await program.json(['doctor'], { cwd })).toMatchObject({ kind: 'doctor', healthy: true })
})

it('config show --origin', async () => {
  const user = join(program.env.HOME ?? '', '.config', 'orch', 'config.yaml')
  mkdirSync(dirname(user), { recursive: true })
  writeFileSync(user, 'maxAgents: 2\n')
  await repository.write({ '.orch/config.yaml': 'tries: 4\n' })
  const { out } = await program.orch(['config', 'show', '--origin'], { cwd, env: { ORCH_FORGE: 'local' } })
  expect(out).toContain(`maxAgents: 2  # file ${user}\n`)
  expect(out).toContain(`tries: 4  # file ${cwd}/.orch/config.yaml\n`)
  expect(out).toContain('forge: "local"  # variable ORCH_FORGE\n')
  expect(out).toMatch(/\nruntime: "tmux" {2}# default\n/)
  await repository.write({ '.orch/config.yaml': 'tires: 4\n' })
  const wrong = await program.orch(['config', 'show'], { cwd })
  expect(wrong).toMatchObject({
    code: 2,
    err: expect.stringMatching(/config\.yaml: [\s\S]*tires[\s\S]*E_CONFIG/),
  })
  await repository.write({ '.orch/config.yaml': '' })
})

it('store backup, check and restore', async () => {
  const file = join(temporaryDirectory(), 'backup.db')
  await runOne('Before')
  expect((await program.orch(['store', 'backup', file])).out).toMatch(/^wrote \S+backup\.db \([\d.]+ kB\)\n$/)
  expect(statSync(file).mode & 0o077).toBe(0)
  expect(await program.orch(['store', 'backup', file])).toMatchObject({
    code: 2,
    err: expect.stringContaining('never writes over'),
  })
  await runOne('After')
  expect((await program.orch(['store', 'check'])).out).toBe('the store is sound\n')
  expect(await program.orch(['store', 'restore', file])).toMatchObject({
    code: 5,
    err: expect.stringContaining('orch stop'),
  })
  await program.orch(['stop'])
  expect((await program.orch(['store', 'restore', file])).out).toMatch(/^restored the store; the old one is /)
  await program.orch(['start'])
  const { tasks } = await program.json(['status'])
  expect(tasks).toMatchObject([{ title: 'Before' }])
})

const runOne = async (title: string) => {
  const argv = ['run', '--title', title, '--agent', 'command', '--', ...works(title)]
  expect(await program.orch(argv, { cwd })).toMatchObject({ code: 0 })
}

it('completion bash: commands, options and tasks that the daemon knows', async () => {
  const { tasks } = await program.json(['status'])
  const complete = async (line: string) => {
    const words = line.split(' ')
    const script = `source <(orch completion bash); COMP_WORDS=(${words.map((it) => `'${it}'`).join(' ')})
COMP_CWORD=${words.length - 1} COMP_LINE='${line}' COMP_POINT=${line.length}
$(complete -p orch | sed 's/.*-F \\([^ ]*\\).*/\\1/') orch '${words.at(-1)}' ''; printf '%s\\n' "\${COMPREPLY[@]}"`
    const env = { ...program.env, PATH: `${bin}:${program.env.PATH}` }
    const { stdout, stderr } = await exec(['bash', '--norc', '-c', script], { env })
    expect(stderr).toBe('')
    return stdout
      .trim()
      .split('\n')
      .map((it) => it.trim())
  }
  expect(await complete('orch sta')).toEqual(['status', 'start'])
  expect(await complete('orch run --det')).toEqual(['--detach'])
  expect(await complete('orch pr m')).toEqual(['merge'])
  expect(await complete('orch show t-')).toEqual([tasks[0].id])
})

it('stop --agents ends what works; reset --yes leaves nothing of Orch, and the branches', async () => {
  const argv = ['run', '--detach', '--agent', 'command', '--', 'sh', '-c', 'sleep 60']
  const { out } = await program.orch(argv, { cwd })
  const id = out.match(/t-\w{12}/)?.[0] ?? ''
  await expect.poll(async () => (await program.orch(['logs', id])).code).toBe(0)
  await expect.poll(async () => (await program.json(['show', id])).state).toBe('working')
  await program.orch(['stop']) // agents outlive a daemon: one is started to end them
  expect(await program.orch(['stop', '--agents'])).toMatchObject({
    err: '',
    out: 'stopped the daemon and 1 agent\n',
  })
  const reset = await program.orch(['reset', '--yes'])
  expect(reset).toMatchObject({
    code: 0,
    out: expect.stringContaining(`removed Orch's state in ${program.paths.state}`),
  })
  expect(existsSync(program.paths.state)).toBe(false)
  expect(await repository.git(['branch', '--list', 'orch/*'])).toMatch(/orch\/before-/)
  expect(await repository.git(['worktree', 'list'])).not.toContain('\n')
})
