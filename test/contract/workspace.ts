import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Workspace, Workspaces } from '../../src/workspace/workspace.ts'
import { makeRepository, type SampleRepository, sampleGit } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What every adapter of the workspace port has to keep. `make` gets a directory that is the state directory. */
export function workspaceContract(adapter: string, make: (state: string) => Workspaces): void {
  describe(`workspaces: ${adapter}`, () => {
    let sample: SampleRepository
    let workspaces: Workspaces
    let state: string

    beforeEach(async () => {
      sample = await makeRepository({
        files: { 'a.txt': 'a\n', 'sub/b.txt': 'b\n', '.gitignore': '*.log\n' },
      })
      state = temporaryDirectory()
      workspaces = make(state)
    })

    const order = async (name = 't-1', branch = `orch/${name}`) => ({
      repo: sample.path,
      name,
      branch,
      from: await sample.head(),
    })
    const prepared = async (name = 't-1') => workspaces.prepare(await order(name))
    const put = (at: Workspace, name: string, text = `${name}\n`) => writeFile(join(at.path, name), text)
    const show = (commit: string, path: string) => sample.git(['show', `${commit}:${path}`])
    const commitIn = async (at: Workspace, name: string) => {
      await put(at, name)
      const git = sampleGit(at.path)
      await git(['add', name])
      await git(['commit', '--quiet', '-m', `Add ${name}`])
      return git(['rev-parse', 'HEAD'])
    }

    describe('prepare', () => {
      test('makes a clean checkout of a new branch at the commit asked for', async () => {
        const from = await sample.head()
        await sample.commit({ 'later.txt': 'later\n' })
        const workspace = await workspaces.prepare({
          repo: sample.path,
          name: 't-1',
          branch: 'orch/fix',
          from,
        })
        const git = sampleGit(workspace.path)
        expect(workspace).toMatchObject({ repo: sample.path, branch: 'orch/fix', name: 't-1', isNew: true })
        expect(await git(['symbolic-ref', '--short', 'HEAD'])).toBe('orch/fix')
        expect(await git(['rev-parse', 'HEAD'])).toBe(from)
        expect(await git(['status', '--porcelain'])).toBe('')
        expect(await readFile(join(workspace.path, 'sub/b.txt'), 'utf8')).toBe('b\n')
        expect(await workspaces.head(workspace)).toBe(from)
        const named = workspaces.at(workspace.repo, 't-1', 'orch/fix')
        expect(workspace).toMatchObject(named)
        expect(await workspaces.list(sample.path)).toEqual([named])
        expect(workspace.path.startsWith(state)).toBe(true)
      })

      test('again: continues the branch at the same path, without the old files', async () => {
        const first = await prepared()
        const commit = await commitIn(first, 'done.txt')
        await put(first, 'straggler.txt')
        const second = await prepared()
        expect(second).toEqual({ ...first, isNew: false })
        expect(existsSync(join(second.path, 'done.txt'))).toBe(true)
        expect(existsSync(join(second.path, 'straggler.txt'))).toBe(false)
        expect(await workspaces.head(second)).toBe(commit)
        expect(await workspaces.sweep()).toBe(1)
        expect(await workspaces.sweep()).toBe(0)
      })

      test('again after its directory was deleted, or its git directory', async () => {
        const workspace = await prepared()
        await rm(workspace.path, { recursive: true })
        await prepared()
        await rm(join(sample.path, '.git/worktrees'), { recursive: true })
        expect(await sampleGit((await prepared()).path)(['status', '--porcelain'])).toBe('')
      })

      test('a branch that is checked out elsewhere is E_WORKSPACE and says where', async () => {
        await expect(workspaces.prepare(await order('t-1', 'main'))).rejects.toMatchObject({
          code: 'E_WORKSPACE',
          message: `branch main is checked out at ${sample.path}`,
        })
        expect(await workspaces.list(sample.path)).toEqual([])
      })

      test.each(['../../x', 'a/../b', '-D', 'x.lock', 'a b', '', 'x\ny'])(
        'refuses branch %j',
        async (branch) => {
          await expect(workspaces.prepare(await order('t-1', branch))).rejects.toMatchObject({
            code: 'E_INVALID',
          })
        },
      )

      test.each(['../x', 'a/b', '.', '', '-x', 'T', 'x.json'])('refuses name %j', async (name) => {
        await expect(workspaces.prepare(await order(name, 'orch/x'))).rejects.toMatchObject({
          code: 'E_INVALID',
        })
        expect(() => workspaces.at(sample.path, name, 'orch/x')).toThrow()
      })

      test('a branch in the way, an unknown commit and no repository are errors with a code', async () => {
        await sample.git(['branch', 'orch'])
        await expect(workspaces.prepare(await order())).rejects.toMatchObject({ code: 'E_WORKSPACE' })
        const unknown = { ...(await order('t-2', 'other')), from: '0123456789'.repeat(4) }
        await expect(workspaces.prepare(unknown)).rejects.toMatchObject({ code: 'E_GIT' })
        const nowhere = { ...(await order()), repo: temporaryDirectory() }
        await expect(workspaces.prepare(nowhere)).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
      })

      test.each([0, 1, 2])('20 at once on one repository (round %i)', async () => {
        const names = Array.from({ length: 20 }, (_, index) => `t-${index}`)
        const made = await Promise.all(names.map((name) => prepared(name)))
        expect(new Set(made.map((it) => it.path)).size).toBe(20)
        const status = await Promise.all(made.map((it) => sampleGit(it.path)(['status', '--porcelain'])))
        expect(status.join('')).toBe('')
        await Promise.all(made.map((it) => workspaces.remove(it)))
        expect(await workspaces.list(sample.path)).toEqual([])
      })
    })

    test("the person's uncommitted work, index and branches stay as they are", async () => {
      await sample.write({ 'a.txt': 'staged\n', 'new.txt': 'untracked\n' })
      await sample.git(['add', 'a.txt'])
      await sample.write({ 'sub/b.txt': 'changed\n' })
      const look = async () => ({
        status: await sample.git(['status', '--porcelain=v2', '--branch', '--ignored']),
        diff: await sample.git(['diff', 'HEAD']),
        index: await readFile(join(sample.path, '.git/index'), 'base64'),
        config: await readFile(join(sample.path, '.git/config'), 'utf8'),
        exclude: await readFile(join(sample.path, '.git/info/exclude'), 'utf8'),
        main: await sample.git(['rev-parse', 'main']),
      })
      const before = await look()
      const workspace = await prepared()
      await put(workspace, 'work.txt')
      await workspaces.save(workspace, 'Work')
      await workspaces.remove(workspace)
      await workspaces.dropBranch(sample.path, workspace.branch, 'main')
      await workspaces.sweep()
      expect(await look()).toEqual(before)
      expect(await sample.git(['branch', '--format=%(refname:short)'])).toBe('main\norch/t-1')
    })

    describe('save', () => {
      test('commits changed, deleted and untracked files, not ignored ones, and leaves a clean checkout', async () => {
        const workspace = await prepared()
        await put(workspace, 'a.txt', 'changed\n')
        await put(workspace, 'new file "x".txt')
        await put(workspace, 'noise.log')
        await rm(join(workspace.path, 'sub'), { recursive: true })
        const saved = await workspaces.save(workspace, 'Fix it\n\nBody')
        expect(saved).toEqual({ head: expect.stringMatching(/^[0-9a-f]{40}$/), committed: true })
        const files = await sample.git(['ls-tree', '-r', '--name-only', '-z', saved.head ?? ''])
        expect(files.split('\0').filter(Boolean)).toEqual(['.gitignore', 'a.txt', 'new file "x".txt'])
        expect(await show(saved.head ?? '', 'a.txt')).toBe('changed')
        expect(await sample.git(['log', '-1', '--format=%an <%ae>|%B', saved.head ?? ''])).toBe(
          'Sam Sample <sam@example.org>|Fix it\n\nBody',
        )
        expect(await sampleGit(workspace.path)(['status', '--porcelain'])).toBe('')
        expect(await workspaces.save(workspace, 'Again')).toEqual({ head: saved.head, committed: false })
      })

      test('says that the directory is gone, emptied or replaced', async () => {
        const workspace = await prepared()
        const head = await commitIn(workspace, 'done.txt')
        await rm(workspace.path, { recursive: true })
        expect(await workspaces.save(workspace, 'x')).toMatchObject({ head, committed: false, lost: /gone/ })
        await mkdir(workspace.path)
        expect(await workspaces.save(workspace, 'x')).toMatchObject({
          head,
          committed: false,
          lost: /emptied/,
        })
        await rm(workspace.path, { recursive: true })
        await symlink(sample.path, workspace.path)
        expect(await workspaces.save(workspace, 'x')).toMatchObject({ head, committed: false, lost: /else/ })
        await workspaces.remove(workspace)
        await workspaces.sweep()
        expect(existsSync(join(sample.path, 'a.txt'))).toBe(true)
      })

      test('of a workspace that never was', async () => {
        const never = workspaces.at(sample.path, 't-9', 'orch/never')
        expect(await workspaces.save(never, 'x')).toMatchObject({ head: undefined, committed: false })
        expect(await workspaces.setAside(never, 'x')).toBeUndefined()
        expect(await workspaces.exists(never)).toBe(false)
        await workspaces.remove(never)
      })
    })

    describe('reopen', () => {
      test('makes saved work uncommitted again, keeps the commit, and may be repeated', async () => {
        const workspace = await prepared()
        const from = await sample.head()
        await put(workspace, 'half.txt')
        await put(workspace, 'a.txt', 'changed\n')
        const { head: saved } = await workspaces.save(workspace, 'Saved')
        for (const _ of [1, 2]) {
          await prepared()
          expect(await workspaces.reopen(workspace, saved)).toBe(from)
          expect(await sampleGit(workspace.path)(['status', '--porcelain'])).toBe('M a.txt\n?? half.txt')
          expect(await workspaces.head(workspace)).toBe(from)
        }
        expect(await sample.git(['for-each-ref', '--contains', saved ?? '', '--count=1'])).toContain(
          'orch/saved',
        )
      })

      test("leaves the agent's own commits alone", async () => {
        const workspace = await prepared()
        const commit = await commitIn(workspace, 'done.txt')
        expect(await workspaces.reopen(workspace, commit)).toBe(commit)
        expect(await workspaces.reopen(workspace, undefined)).toBe(commit)
      })
    })

    test('setAside keeps uncommitted work without moving the branch', async () => {
      const workspace = await prepared()
      expect(await workspaces.setAside(workspace, 'Nothing')).toBeUndefined()
      await put(workspace, 'left.txt')
      const aside = await workspaces.setAside(workspace, 'Left')
      expect(await show(aside ?? '', 'left.txt')).toBe('left.txt')
      expect(await workspaces.head(workspace)).toBe(await sample.head())
      expect(await sampleGit(workspace.path)(['status', '--porcelain'])).toBe('?? left.txt')
    })

    describe('branches', () => {
      test('one without commits of its own is merged, and dropped', async () => {
        const workspace = await prepared()
        expect(await workspaces.branchState(sample.path, workspace.branch, 'main')).toBe('merged')
        await workspaces.dropBranch(sample.path, workspace.branch, 'main')
        expect(await workspaces.head(workspace)).toBeDefined() // it is checked out
        await workspaces.remove(workspace)
        await workspaces.dropBranch(sample.path, workspace.branch, 'main')
        expect(await workspaces.branchState(sample.path, workspace.branch, 'main')).toBe('gone')
        await workspaces.dropBranch(sample.path, workspace.branch, 'main')
      })

      test.each(['merge', 'squash', 'rebase'])('unmerged it stays, merged by %s it goes', async (method) => {
        const workspace = await prepared()
        await commitIn(workspace, 'one.txt')
        await commitIn(workspace, 'two.txt')
        await workspaces.remove(workspace)
        await workspaces.dropBranch(sample.path, workspace.branch, 'main')
        expect(await workspaces.branchState(sample.path, workspace.branch, 'main')).toBe('unmerged')
        await sample.commit({ 'meanwhile.txt': 'x\n' })
        const { branch } = workspace
        if (method === 'merge') await sample.git(['merge', '--quiet', '--no-edit', branch])
        if (method === 'squash') await sample.git(['merge', '--quiet', '--squash', branch])
        if (method === 'squash') await sample.commit({}, 'Squashed')
        if (method === 'rebase') await sample.git(['cherry-pick', `main..${branch}`])
        await workspaces.dropBranch(sample.path, branch, 'main')
        expect(await workspaces.branchState(sample.path, branch, 'main')).toBe('gone')
      })

      test('the base itself is never dropped', async () => {
        await sample.git(['checkout', '--quiet', '-b', 'other'])
        await workspaces.dropBranch(sample.path, 'main', 'main')
        expect(await workspaces.branchState(sample.path, 'main', 'other')).toBe('merged')
      })
    })

    test('remove forgets the checkout, and may be called twice', async () => {
      const workspace = await prepared()
      expect(await workspaces.exists(workspace)).toBe(true)
      await workspaces.remove(workspace)
      await workspaces.remove(workspace)
      expect(await workspaces.exists(workspace)).toBe(false)
      expect(await sample.git(['worktree', 'list'])).not.toContain(workspace.path)
      expect(await workspaces.head(workspace)).toBe(await sample.head())
    })

    test.each(['with space and \'quotes"', '$(id)', '#(touch x)', 'new\nline', 'größe-日本', '-dash', ' x '])(
      'a repository called %j',
      async (name) => {
        sample = await makeRepository({ name })
        const workspace = await prepared()
        await put(workspace, 'x.txt')
        expect(await workspaces.save(workspace, 'x')).toMatchObject({ committed: true })
        expect(await workspaces.list(sample.path)).toMatchObject([{ path: workspace.path }])
        await workspaces.remove(workspace)
        expect(await workspaces.sweep()).toBe(1)
      },
    )

    test('a bare repository, and one with a detached HEAD', async () => {
      sample = await makeRepository({ bare: true, name: 'bare.git' })
      const inBare = await prepared()
      await put(inBare, 'x.txt')
      expect(await workspaces.save(inBare, 'x')).toMatchObject({ committed: true })
      sample = await makeRepository()
      await sample.git(['checkout', '--quiet', '--detach'])
      await prepared()
    })
  })
}
