import { lstat, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { makeRepository, type SampleRepository, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { makeWorktrees } from '../../test/support/worktrees.ts'
import type { SetupStep } from '../config/schema.ts'
import { applySetup } from './setup.ts'
import type { Workspace, Workspaces } from './workspace.ts'

let sample: SampleRepository
let workspaces: Workspaces
let workspace: Workspace
let config: string

beforeEach(async () => {
  sample = await makeRepository({ files: { 'tracked/a.txt': 'a\n', '.gitignore': 'node_modules/\n' } })
  const state = temporaryDirectory()
  config = join(state, 'config')
  workspaces = makeWorktrees(state, { XDG_CONFIG_HOME: config })
  const from = await sample.head()
  workspace = await workspaces.prepare({ repo: sample.path, name: 't-1', branch: 'orch/t-1', from })
})

const apply = (...steps: SetupStep[]) =>
  applySetup(steps, { repo: workspace.repo, workspace: workspace.path })
const inside = (path: string) => join(workspace.path, path)

test('copies, links, and hands back what is to be run', async () => {
  await sample.write({
    '.env': 'SECRET=1\n',
    'node_modules/x/index.js': '1\n',
    'cfg/deep/local.json': '{}\n',
  })
  const steps: SetupStep[] = [
    { copy: '.env' },
    { link: 'node_modules/' },
    { run: ['npm', 'test'] },
    { copy: './cfg' },
    { run: ['echo', '$(id)'] },
  ]
  for (const _ of [1, 2])
    expect(await apply(...steps)).toEqual([
      ['npm', 'test'],
      ['echo', '$(id)'],
    ])
  expect(await readFile(inside('.env'), 'utf8')).toBe('SECRET=1\n')
  expect(await readlink(inside('node_modules'))).toBe(join(sample.path, 'node_modules'))
  expect(await readFile(inside('cfg/deep/local.json'), 'utf8')).toBe('{}\n')
})

test("neither save() nor the agent's own git commits what was brought", async () => {
  await mkdir(join(config, 'git'), { recursive: true })
  await writeFile(join(config, 'git/ignore'), '*.mine\n')
  const odd = 'odd [x] #*!.txt '
  await sample.write({ '.env': 'S', 'node_modules/x': 'x', [odd]: 'o' })
  await apply({ copy: '.env' }, { link: 'node_modules' }, { copy: odd })
  await writeFile(inside('work.txt'), 'w')
  await writeFile(inside('other.mine'), 'ignored by the person')
  await writeFile(inside('tracked/a.txt'), 'changed')
  const told = sampleGit(workspace.path)
  const env = await workspaces.agentEnv(workspace)
  expect(await told(['status', '--porcelain'], { env })).toBe('M tracked/a.txt\n?? work.txt')
  await told(['add', '--all']) // an agent that dropped the variables
  await told(['rm', '--cached', '--quiet', 'work.txt'])
  const { head = '', lost } = await workspaces.save(workspace, 'Work')
  expect(lost).toBeUndefined()
  const files = await sample.git(['show', '--name-only', '--format=', head])
  expect(files.split('\n')).toEqual(['other.mine', 'tracked/a.txt', 'work.txt'])
})

test('a copied directory leaves what the checkout has, and its tracked files are still saved', async () => {
  await sample.write({ 'tracked/a.txt': 'uncommitted\n', 'tracked/local.txt': 'local\n' })
  await apply({ copy: 'tracked' })
  expect(await readFile(inside('tracked/a.txt'), 'utf8')).toBe('a\n')
  await writeFile(inside('tracked/a.txt'), 'by the agent\n')
  const { head = '' } = await workspaces.save(workspace, 'Work')
  expect(await sample.git(['show', '--name-only', '--format=', head])).toBe('tracked/a.txt')
})

test('nothing brought, nothing told', async () => {
  await apply({ run: ['true'] })
  expect(await workspaces.agentEnv(workspace)).toEqual({})
})

test.each<[SetupStep, RegExp]>([
  [{ copy: 'missing' }, /set-up step 1 \(copy: missing\): .* has no missing/],
  [{ link: 'missing' }, /has no missing/],
  [{ link: 'tracked' }, /checkout has it already/],
  [{ copy: '../x' }, /leads out/],
  [{ copy: '/etc/passwd' }, /has no etc\/passwd/],
  [{ link: '.git/hooks' }, /git's own/],
  [{ copy: '.GIT/config' }, /git's own/],
  [{ copy: '.' }, /must name/],
])('%j is E_SETUP', async (step, message) => {
  await expect(apply(step)).rejects.toMatchObject({
    code: 'E_SETUP',
    message: expect.stringMatching(message),
  })
})

test('links that lead out are refused, wherever they are', async () => {
  const out = temporaryDirectory()
  await writeFile(join(out, 'secret'), 's')
  await symlink(join(out, 'secret'), join(sample.path, 'file-out'))
  await symlink(out, join(sample.path, 'dir-out'))
  await mkdir(join(sample.path, 'tree'))
  await symlink('../../../..', join(sample.path, 'tree/deep-out'))
  const steps: SetupStep[] = [
    { copy: 'file-out' },
    { link: 'file-out' },
    { link: 'dir-out' },
    { copy: 'dir-out/secret' },
    { copy: 'tree' },
  ]
  for (const step of steps) await expect(apply(step)).rejects.toMatchObject({ code: 'E_SETUP' })
  await symlink(out, inside('into'))
  await sample.write({ 'into/new': 'x' })
  await expect(apply({ copy: 'into/new' })).rejects.toMatchObject({ code: 'E_SETUP' })
  await expect(lstat(join(out, 'new'))).rejects.toThrow()
})

test('links that stay inside stay links', async () => {
  await sample.write({ 'pkg/a.js': 'a', 'pkg/b.js': { link: 'a.js' }, 'pkg/gone': { link: 'nowhere' } })
  await apply({ copy: 'pkg' })
  expect(await readlink(inside('pkg/b.js'))).toBe('a.js')
})
