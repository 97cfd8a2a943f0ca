import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  makeRepository,
  manyFiles,
  type SampleRepository,
  sampleEnv,
  sampleGit,
} from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { makeWorktrees } from '../../test/support/worktrees.ts'
import { exec, spawnPiped } from '../exec.ts'
import type { Workspaces } from './workspace.ts'

const fixture = fileURLToPath(new URL('../../test/fixtures/prepares-workspaces.ts', import.meta.url))
let sample: SampleRepository
let state: string
let workspaces: Workspaces

beforeEach(async () => {
  sample = await makeRepository({ files: { ...manyFiles(300), 'README.md': '#\n' } })
  state = temporaryDirectory()
  workspaces = makeWorktrees(state)
})

const argv = async (prefix: string, count: number) =>
  [process.execPath, fixture, state, sample.path, await sample.head(), prefix, String(count)] as const
const prepare = async (name: string) =>
  workspaces.prepare({ repo: sample.path, name, branch: `orch/${name}`, from: await sample.head() })

test('two processes prepare at once, while the person adds and prunes worktrees too', async () => {
  const own = join(temporaryDirectory(), 'own')
  const persons = async () => {
    for (let n = 0; n < 10; n++) {
      await sample.git(['worktree', 'add', '--quiet', '--detach', `${own}-${n}`])
      await sample.git(['worktree', 'remove', `${own}-${n}`])
    }
  }
  const runs = ['a', 'b'].map(async (prefix) => exec(await argv(prefix, 8), { env: sampleEnv }))
  const [a, b] = await Promise.all([...runs, persons()])
  expect([a?.stderr, a?.code, b?.stderr, b?.code]).toEqual(['', 0, '', 0])
  expect(await workspaces.list(sample.path)).toHaveLength(16)
})

test.each([1, 2, 3])(
  'kill -9 while workspaces are made: they are made anew, none is saved half (%i)',
  async (round) => {
    const child = spawnPiped(await argv('k', 6), { env: sampleEnv })
    await new Promise((resolve) => child.stdout?.once('data', resolve))
    child.kill('SIGKILL')
    await new Promise((resolve) => child.once('close', resolve))
    for (const left of await workspaces.list(sample.path)) {
      const saved = await workspaces.save(left, 'Saved')
      expect(saved.committed).toBe(false)
    }
    const again = await Promise.all(Array.from({ length: 6 }, (_, index) => prepare(`k${index}`)))
    const states = await Promise.all(again.map((it) => sampleGit(it.path)(['status', '--porcelain'])))
    expect([round, states.join('')]).toEqual([round, ''])
  },
)

test('a checkout whose index was taken by the git of a killed daemon is made again', async () => {
  const bin = temporaryDirectory()
  const takesTheIndexOnce = [
    '#!/bin/sh',
    `case " $* " in *" reset --hard "*) [ -e ${bin}/met ] || {`,
    `  : >${bin}/met; echo 'fatal: Could not write new index file.' >&2; exit 128; };; esac`,
    `PATH=\${PATH#*:} exec git "$@"`,
  ]
  await writeFile(join(bin, 'git'), takesTheIndexOnce.join('\n'), { mode: 0o755 })
  workspaces = makeWorktrees(state, { PATH: `${bin}:${sampleEnv.PATH}` })
  const { path } = await prepare('t-1')
  expect(existsSync(join(bin, 'met'))).toBe(true)
  expect(await sampleGit(path)(['status', '--porcelain'])).toBe('')
})

test("a worktree of the person's on a disk that is not there now is not forgotten", async () => {
  const own = join(temporaryDirectory(), 'own')
  await sample.git(['worktree', 'add', '--quiet', '-b', 'own', own])
  await rename(own, `${own}-unplugged`)
  await workspaces.remove(await prepare('t-1'))
  await rename(`${own}-unplugged`, own)
  expect(await sampleGit(own)(['status', '--porcelain'])).toBe('')
})

test('git keeps nothing of a removed workspace, and the git directory holds only our lock', async () => {
  const before = await readdir(join(sample.path, '.git'))
  await workspaces.remove(await prepare('t-1'))
  const after = await readdir(join(sample.path, '.git'))
  expect(after.filter((name) => !before.includes(name)).sort()).toEqual(['orch.lock.db', 'worktrees'])
  expect(await readdir(join(sample.path, '.git/worktrees'))).toEqual([])
  expect(await readdir(join(state, 'worktrees', (await readdir(join(state, 'worktrees')))[0] ?? ''))).toEqual(
    [],
  )
})

test('sweeping deletes links, never what they lead to', async () => {
  const outside = temporaryDirectory()
  await writeFile(join(outside, 'precious'), 'x')
  const workspace = await prepare('t-1')
  await symlink(outside, join(workspace.path, 'link'))
  await mkdir(join(workspace.path, 'cache'), { mode: 0o500 })
  await workspaces.remove(workspace)
  expect(await workspaces.sweep()).toBe(1)
  expect(await readdir(join(state, 'trash'))).toEqual([])
  expect(existsSync(join(outside, 'precious'))).toBe(true)
})

test('what cannot be deleted does not keep the rest', async () => {
  const stuck = await prepare('t-1')
  await workspaces.remove(stuck)
  const trash = join(state, 'trash')
  // No path names what is in so deep a directory.
  const half = Array.from({ length: 12 }, () => 'x'.repeat(200)).join('/')
  const [top = ''] = await readdir(trash)
  await mkdir(join(trash, top, half), { recursive: true })
  await mkdir(join(state, half), { recursive: true })
  await rename(join(state, 'x'.repeat(200)), join(trash, top, half, 'y'))
  onTestFinished(async () => void (await exec(['rm', '-rf', trash], { env: sampleEnv })))
  for (const name of ['t-0', 't-2']) await workspaces.remove(await prepare(name))
  await expect(workspaces.sweep()).rejects.toMatchObject({ code: 'E_WORKSPACE' })
  expect(await readdir(trash)).toEqual([top])
})

test('the workspace is gone at once when the repository is gone too', async () => {
  const workspace = await prepare('t-1')
  await rename(sample.path, `${sample.path}-moved`)
  await workspaces.remove(workspace)
  expect(await workspaces.exists(workspace)).toBe(false)
})

test('LFS-like smudge filters run in a checkout', async () => {
  await sample.git(['config', 'filter.loud.smudge', 'tr a-z A-Z'])
  await sample.commit({ '.gitattributes': '*.loud filter=loud\n', 'x.loud': 'small\n' })
  const { path } = await prepare('t-1')
  expect((await exec(['cat', join(path, 'x.loud')], { env: sampleEnv })).stdout).toBe('SMALL\n')
})
