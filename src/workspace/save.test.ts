import { existsSync } from 'node:fs'
import { chmod, mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { makeRepository, type SampleRepository, sampleEnv, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { makeWorktrees } from '../../test/support/worktrees.ts'
import { exec } from '../exec.ts'
import type { Git } from '../git.ts'
import type { Workspace, Workspaces } from './workspace.ts'

let sample: SampleRepository
let workspaces: Workspaces
let workspace: Workspace
let agent: Git
let from: string

beforeEach(async () => {
  sample = await makeRepository({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n' } })
  from = await sample.head()
  workspaces = makeWorktrees(temporaryDirectory())
  workspace = await workspaces.prepare({ repo: sample.path, name: 't-1', branch: 'orch/t-1', from })
  agent = sampleGit(workspace.path)
})

const put = (name: string, text: string | Uint8Array = `${name}\n`) =>
  writeFile(join(workspace.path, name), text)
const save = () => workspaces.save(workspace, 'Saved work')
const files = async (commit = '') => (await sample.git(['ls-tree', '-r', '--name-only', commit])).split('\n')
const commit = async (name: string) => {
  await put(name)
  await agent(['add', '--all'])
  await agent(['commit', '--quiet', '-m', name])
  return agent(['rev-parse', 'HEAD'])
}
/** Changes a.txt on main and in the workspace, so that they conflict. */
const diverge = async () => {
  const main = await sample.commit({ 'a.txt': 'main\n', 'main.txt': 'm\n' })
  await put('a.txt', 'agent\n')
  const mine = await commit('mine.txt')
  return { main, mine }
}

describe('a checkout that was left in the middle of something', () => {
  test('index.lock of a killed agent', async () => {
    const lock = join(sample.path, '.git/worktrees/t-1/index.lock')
    await writeFile(lock, '')
    await put('work.txt')
    const saved = await save()
    expect(saved).toMatchObject({ committed: true })
    expect(await files(saved.head)).toContain('work.txt')
    expect(existsSync(lock)).toBe(false)
    expect(await agent(['status', '--porcelain'])).toBe('')
  })

  test("a merge with conflicts becomes a merge commit, not a copy of the other's changes", async () => {
    const { main, mine } = await diverge()
    expect((await agent.try(['merge', 'main'])).code).toBe(1)
    const saved = await save()
    expect(saved.committed).toBe(true)
    expect(await sample.git(['show', '-s', '--format=%P', saved.head ?? ''])).toBe(`${mine} ${main}`)
    expect(await sample.git(['show', `${saved.head}:a.txt`])).toContain('<<<<<<<')
    expect(await agent(['status', '--porcelain=v2', '--branch'])).not.toContain('u ')
    expect(await agent.try(['rev-parse', '--verify', '--quiet', 'MERGE_HEAD'])).toMatchObject({ code: 1 })
  })

  test('a rebase with conflicts: the branch keeps its commits, a ref keeps the rest', async () => {
    const { mine } = await diverge()
    expect((await agent.try(['rebase', 'main'])).code).toBe(1)
    await put('during.txt')
    const saved = await save()
    expect(saved).toMatchObject({
      head: mine,
      committed: false,
      lost: expect.stringContaining('HEAD was detached'),
    })
    expect(await files(saved.elsewhere?.ref)).toContain('during.txt')
  })

  test('files staged, then changed again: what lies there is saved', async () => {
    await put('a.txt', 'staged\n')
    await agent(['add', 'a.txt'])
    await put('a.txt', 'later\n')
    expect(await sample.git(['show', `${(await save()).head}:a.txt`])).toBe('later')
  })

  test('a change of the same size in the same moment as the checkout is seen', async () => {
    await put('a.txt', 'z\n')
    expect(await save()).toMatchObject({ committed: true })
  })
})

describe('an agent that left its branch', () => {
  test('for a branch of its own: the work comes home', async () => {
    await agent(['checkout', '--quiet', '-b', 'my-idea'])
    const done = await commit('done.txt')
    await put('rest.txt')
    const saved = await save()
    expect(saved).toMatchObject({ committed: true, lost: expect.stringContaining('my-idea') })
    expect(await files(saved.head)).toEqual(['a.txt', 'b.txt', 'done.txt', 'rest.txt'])
    expect(await workspaces.head(workspace)).toBe(saved.head)
    expect(await sample.git(['rev-parse', 'my-idea'])).toBe(done)
    expect(await agent(['status', '--porcelain', '--branch'])).toBe('## orch/t-1')
  })

  test('detached, with commits and all committed', async () => {
    await agent(['checkout', '--quiet', '--detach'])
    const done = await commit('done.txt')
    expect(await save()).toMatchObject({ head: done, committed: false })
    expect(await agent(['symbolic-ref', 'HEAD'])).toBe('refs/heads/orch/t-1')
  })

  test("for a branch of the person: that one never moves, and its commits do not become the agent's", async () => {
    await sample.git(['checkout', '--quiet', '-b', 'develop'])
    const develop = await sample.commit({ 'person.txt': 'p\n' })
    await sample.git(['checkout', '--quiet', 'main'])
    await agent(['checkout', '--quiet', 'develop'])
    expect(await save()).toMatchObject({ head: from, committed: false, elsewhere: { commit: develop } })
    await put('work.txt')
    const saved = await save()
    expect(saved).toMatchObject({ head: from, committed: false })
    expect(await files(saved.elsewhere?.ref)).toEqual(['a.txt', 'b.txt', 'person.txt', 'work.txt'])
    expect(await sample.git(['rev-parse', 'develop'])).toBe(develop)
  })

  test('for an older commit', async () => {
    const tip = await commit('done.txt')
    await agent(['checkout', '--quiet', from])
    expect(await save()).toMatchObject({ head: tip, committed: false })
    await put('old.txt')
    const saved = await save()
    expect(saved).toMatchObject({ head: tip, committed: false, elsewhere: { ref: expect.any(String) } })
    expect(await files(saved.elsewhere?.commit)).toEqual(['a.txt', 'b.txt', 'old.txt'])
  })

  test('and deleted it', async () => {
    await agent(['checkout', '--quiet', '--detach'])
    const done = await commit('done.txt')
    await agent(['branch', '--quiet', '-D', 'orch/t-1'])
    const saved = await save()
    expect(saved).toMatchObject({ head: undefined, committed: false, lost: expect.stringContaining('gone') })
    expect(saved.elsewhere?.commit).toBe(done)
  })

  test('and the person checked it out', async () => {
    await agent(['checkout', '--quiet', '--detach'])
    await sample.git(['checkout', '--quiet', 'orch/t-1'])
    const done = await commit('done.txt')
    expect(await save()).toMatchObject({ head: from, elsewhere: { commit: done } })
    expect(await sample.git(['status', '--porcelain'])).toBe('')
  })
})

describe('git taken away', () => {
  test.each(['removed', 'replaced'])('its .git is %s', async (how) => {
    await put('work.txt')
    await rm(join(workspace.path, '.git'))
    if (how === 'replaced') await agent(['init', '--quiet'])
    if (how === 'replaced')
      await put('.git/config', '[core]\n\tfsmonitor = touch /tmp/never\n\tbare = true\n')
    const saved = await save()
    expect(saved).toMatchObject({ committed: true, lost: expect.stringContaining('.git was') })
    expect(await files(saved.head)).toEqual(['a.txt', 'b.txt', 'work.txt'])
  })

  test('git was made to forget the worktree', async () => {
    const done = await commit('done.txt')
    await put('work.txt')
    await rm(join(sample.path, '.git/worktrees/t-1'), { recursive: true })
    const saved = await save()
    expect(saved).toMatchObject({ committed: true, lost: expect.stringContaining('forget') })
    expect(await sample.git(['rev-parse', `${saved.head}^`])).toBe(done)
    expect(await files(saved.head)).toEqual(['a.txt', 'b.txt', 'done.txt', 'work.txt'])
  })

  test('its index is gone', async () => {
    await put('work.txt')
    await rm(join(sample.path, '.git/worktrees/t-1/index'))
    expect(await files((await save()).head)).toEqual(['a.txt', 'b.txt', 'work.txt'])
  })

  test('a checkout that was never completed is not taken for deleted files', async () => {
    await rm(`${workspace.path}.json`)
    await rm(join(workspace.path, 'a.txt'))
    expect(await save()).toMatchObject({
      head: from,
      committed: false,
      lost: expect.stringContaining('never'),
    })
  })
})

describe('files that are not for a commit', () => {
  test('repositories of their own are left out and named, with and without a commit', async () => {
    for (const name of ['nested', 'empty']) await agent(['init', '--quiet', name])
    const nested = ['-C', 'nested', '-c', 'user.name=x', '-c', 'user.email=x']
    await agent([...nested, 'commit', '--quiet', '--allow-empty', '-m', 'x'])
    await put('nested/file.txt')
    await put('work.txt')
    const saved = await save()
    expect(saved).toMatchObject({ committed: true })
    expect(saved.lost).toBe('left out: empty (a repository of its own), nested (a repository of its own)')
    expect(await files(saved.head)).toEqual(['a.txt', 'b.txt', 'work.txt'])
  })

  test('more than 100 MB is left out and named', async () => {
    await put('huge [1].bin')
    await truncate(join(workspace.path, 'huge [1].bin'), 101 * 1024 * 1024)
    await put('work.txt')
    const saved = await save()
    expect(saved.lost).toBe('left out: huge [1].bin (more than 100 MB)')
    expect(await files(saved.head)).toEqual(['a.txt', 'b.txt', 'work.txt'])
  })

  test('a submodule stays one', async () => {
    const other = await makeRepository()
    await agent(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', other.path, 'sub'])
    const saved = await save()
    expect(await sample.git(['ls-tree', saved.head ?? '', 'sub'])).toContain('160000 commit')
    expect(await files(saved.head)).toContain('.gitmodules')
  })

  test.skipIf(process.getuid?.() === 0)(
    'unreadable ones are left out and named [skipped as root]',
    async () => {
      await put('closed.txt')
      await chmod(join(workspace.path, 'closed.txt'), 0)
      await put('work.txt')
      expect(await save()).toMatchObject({ committed: true, lost: expect.stringContaining('closed.txt') })
    },
  )

  test.each(['-dash', ':(top)magic', ' blank ', 'new\nline', '"quote"', '*.txt', 'größe'])(
    'a file %j',
    async (name) => {
      await put(name)
      const { head = '' } = await save()
      const result = await sample.git.try(['ls-tree', '-r', '-z', '--name-only', head])
      expect(result.stdout.split('\0')).toContain(name)
    },
  )
})

test('nothing planted runs: hooks, fsmonitor, editor, signing program', async () => {
  const trap = join(temporaryDirectory(), 'sprung')
  const script = join(sample.path, '.git/trap.sh')
  await writeFile(script, `#!/bin/sh\ntouch '${trap}'\n`, { mode: 0o755 })
  const hooks = join(sample.path, '.git/hooks')
  await mkdir(hooks, { recursive: true })
  for (const hook of [
    'pre-commit',
    'commit-msg',
    'post-commit',
    'post-checkout',
    'post-index-change',
    'reference-transaction',
  ])
    await writeFile(join(hooks, hook), await readFile(script), { mode: 0o755 })
  const planted = {
    'core.fsmonitor': script,
    'core.editor': script,
    'gpg.program': script,
    'commit.gpgSign': 'true',
    'diff.external': script,
  }
  for (const [key, value] of Object.entries(planted)) await sample.git(['config', key, value])
  await workspaces.prepare({ repo: sample.path, name: 't-1', branch: 'orch/t-1', from })
  await put('work.txt')
  const { head } = await save()
  await workspaces.setAside(workspace, 'x')
  await workspaces.reopen(workspace, head)
  await workspaces.branchState(sample.path, 'orch/t-1', 'main')
  await workspaces.remove(workspace)
  expect(existsSync(trap)).toBe(false)
})

test('a clean filter that the repository has on purpose still runs', async () => {
  await sample.git(['config', 'filter.upper.clean', 'tr a-z A-Z'])
  await put('.gitattributes', '*.up filter=upper\n')
  await put('x.up', 'small\n')
  expect(await sample.git(['show', `${(await save()).head}:x.up`])).toBe('SMALL')
})

test('without an identity it is Orch that commits', async () => {
  const nobody = await makeRepository({ identity: false })
  const place = { repo: nobody.path, name: 't-2', branch: 'orch/t-2', from: await nobody.head() }
  workspace = await workspaces.prepare(place)
  await put('x')
  const { head = '' } = await workspaces.save(workspace, '')
  expect(await nobody.git(['show', '-s', '--format=%an <%ae>|%cn|%s', head])).toBe(
    'Orch <orch@localhost>|Orch|Work saved',
  )
})

test('a message of 100,000 characters, with NUL and escape codes', async () => {
  await put('x')
  const { head = '' } = await workspaces.save(workspace, `-m \u0000\u001b[31m$(id)\n${'x'.repeat(100_000)}`)
  expect((await sample.git(['show', '-s', '--format=%B', head])).length).toBeGreaterThan(100_000)
})

test.skipIf(process.getuid?.() !== 0)(
  'a full disk is E_DISK_FULL and leaves nothing behind [needs root for a tmpfs]',
  async ({ onTestFinished }) => {
    const state = temporaryDirectory()
    const mounted = await exec(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', state], { env: sampleEnv })
    if (mounted.code !== 0) return
    onTestFinished(async () => void (await exec(['umount', '-l', state], { env: sampleEnv })))
    const head = await sample.commit({ 'big.bin': Buffer.alloc(2 * 1024 * 1024, 'x') })
    const small = makeWorktrees(state)
    const order = { repo: sample.path, name: 't-1', branch: 'orch/full', from: head }
    await expect(small.prepare(order)).rejects.toMatchObject({ code: 'E_DISK_FULL' })
    expect(await small.list(sample.path)).toEqual([])
    expect(await sample.git(['worktree', 'list'])).not.toContain(state)
    await small.sweep()
    expect(await small.prepare({ ...order, from, branch: 'orch/fits' })).toMatchObject({
      branch: 'orch/fits',
    })
  },
)

test('two saves of one checkout at the same moment: one commits, the other finds it saved', async () => {
  await put('work.txt')
  const both = await Promise.all([save(), save()])
  expect(both.map((it) => it.committed).sort()).toEqual([false, true])
  expect(new Set(both.map((it) => it.head)).size).toBe(1)
})
