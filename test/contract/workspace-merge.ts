import { existsSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Git } from '../../src/git.ts'
import type { Workspace, Workspaces } from '../../src/workspace/workspace.ts'
import { makeRepository, type SampleRepository, sampleGit } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What every adapter of the workspace port has to keep when branches are brought together. */
export function mergeContract(adapter: string, make: (state: string) => Workspaces): void {
  describe(`merging into a workspace: ${adapter}`, () => {
    let sample: SampleRepository
    let workspaces: Workspaces
    let parent: Workspace
    let child: Workspace
    let git: Git

    beforeEach(async () => {
      sample = await makeRepository({ files: { 'a.txt': 'a\n', 'b.txt': 'b\n', 'c.txt': 'c\n' } })
      workspaces = make(temporaryDirectory())
      const from = await sample.head()
      const prepared = (name: string) =>
        workspaces.prepare({ repo: sample.path, name, branch: `orch/${name}`, from })
      parent = await prepared('t-parent')
      child = await prepared('t-child')
      git = sampleGit(parent.path)
    })

    const put = async (at: Workspace, files: Record<string, string>) => {
      for (const [name, text] of Object.entries(files)) await writeFile(join(at.path, name), text)
    }
    const commit = async (at: Workspace, files: Record<string, string>) => {
      await put(at, files)
      const inside = sampleGit(at.path)
      await inside(['add', '--all'])
      await inside(['commit', '--quiet', '-m', `Change ${Object.keys(files).join(' and ')}`])
      return inside(['rev-parse', 'HEAD'])
    }
    const look = async () => ({
      head: await git(['rev-parse', 'HEAD']),
      status: await git(['status', '--porcelain=v2', '--branch', '--untracked-files=all']),
      diff: await git(['diff', 'HEAD']),
      staged: await git(['diff', '--cached']),
    })
    const read = (name: string) => readFile(join(parent.path, name), 'utf8')
    const merge = (what: string, message = 'Merge the part') => workspaces.merge(parent, what, message)

    test('makes a merge commit of the person, and the files follow', async () => {
      const mine = await commit(parent, { 'a.txt': 'mine\n' })
      const theirs = await commit(child, { 'b.txt': 'theirs\n', 'new.txt': 'new\n' })
      const merging = await merge(theirs, 'Merge "x" \0\n\n-body')
      const head = await git(['rev-parse', 'HEAD'])
      expect(merging).toEqual({ merged: head })
      expect(await workspaces.head(parent)).toBe(head)
      expect(await git(['show', '-s', '--format=%P|%an <%ae>|%cn|%B', head])).toBe(
        `${mine} ${theirs}|Sam Sample <sam@example.org>|Sam Sample|Merge "x" \n\n-body`,
      )
      expect([await read('a.txt'), await read('b.txt'), await read('new.txt')]).toEqual([
        'mine\n',
        'theirs\n',
        'new\n',
      ])
      expect(await git(['status', '--porcelain'])).toBe('')
      expect(await merge(theirs)).toEqual({ merged: head })
      expect(await workspaces.head(child)).toBe(theirs)
    })

    test('a branch that is only ahead gets a merge commit too, and files that were deleted go', async () => {
      await rm(join(child.path, 'c.txt'))
      const theirs = await commit(child, { 'b.txt': 'theirs\n' })
      const merging = await merge(theirs)
      expect(merging).toEqual({ merged: await git(['rev-parse', 'HEAD']) })
      expect(await git(['rev-list', '--count', '--merges', 'HEAD'])).toBe('1')
      expect(existsSync(join(parent.path, 'c.txt'))).toBe(false)
    })

    test('uncommitted work that is not in the way stays, staged or not', async () => {
      const theirs = await commit(child, { 'b.txt': 'theirs\n' })
      await put(parent, { 'a.txt': 'half\n', 'untracked.txt': 'u\n' })
      await put(parent, { 'c.txt': 'staged\n' })
      await git(['add', 'c.txt'])
      expect(await merge(theirs)).toHaveProperty('merged')
      expect(await git(['status', '--porcelain'])).toBe('M a.txt\nM  c.txt\n?? untracked.txt')
      expect(await git(['show', '--stat', '--format=', '-m', '--first-parent', 'HEAD'])).not.toContain(
        'c.txt',
      )
    })

    test('a conflict names the files and leaves all as it was', async () => {
      await commit(parent, { 'a.txt': 'mine\n', 'b.txt': 'mine\n', 'only.txt': 'mine\n' })
      await rm(join(child.path, 'b.txt'))
      const theirs = await commit(child, { 'a.txt': 'theirs\n', 'c.txt': 'theirs\n' })
      await put(parent, { 'untracked.txt': 'u\n' })
      const before = await look()
      expect(await merge(theirs)).toEqual({ conflicts: ['a.txt', 'b.txt'] })
      expect(await look()).toEqual(before)
      expect(existsSync(join(sample.path, '.git/worktrees/t-parent/MERGE_HEAD'))).toBe(false)
    })

    test.each([
      ['a changed file', { 'b.txt': 'half\n' }, 'b.txt'],
      ['an untracked file', { 'new.txt': 'other\n' }, 'new.txt'],
    ])('%s in the way: blocked, and all as it was', async (_, files, name) => {
      const theirs = await commit(child, { 'b.txt': 'theirs\n', 'new.txt': 'new\n', 'c.txt': 'theirs\n' })
      await put(parent, files as unknown as Record<string, string>)
      const before = await look()
      expect(await merge(theirs)).toEqual({ blocked: `uncommitted changes are in the way: ${name}` })
      expect(await look()).toEqual(before)
    })

    test('a file that was touched but not changed is not in the way', async () => {
      const theirs = await commit(child, { 'b.txt': 'theirs\n' })
      await put(parent, { 'b.txt': 'b\n' })
      expect(await merge(theirs)).toHaveProperty('merged')
    })

    test("what the agent has begun is its own to end: a merge, a detached HEAD, another git's lock", async () => {
      await commit(parent, { 'a.txt': 'mine\n' })
      const theirs = await commit(child, { 'a.txt': 'theirs\n' })
      await git.try(['merge', theirs])
      const before = await look()
      expect(await merge(theirs)).toEqual({ blocked: 'a merge is under way' })
      expect(await look()).toEqual(before)
      await git(['merge', '--abort'])
      await git(['checkout', '--quiet', '--detach'])
      expect(await merge(theirs)).toEqual({ blocked: 'orch/t-parent is not checked out' })
      await git(['checkout', '--quiet', 'orch/t-parent'])
      await writeFile(join(sample.path, '.git/worktrees/t-parent/index.lock'), '')
      expect(await merge(theirs)).toEqual({ blocked: 'another git command is under way' })
    })

    test('a workspace that is gone, and a commit that is none', async () => {
      const theirs = await commit(child, { 'b.txt': 'theirs\n' })
      expect(await merge('0123456789'.repeat(4))).toHaveProperty('blocked')
      expect(await merge('--help')).toHaveProperty('blocked')
      await rm(parent.path, { recursive: true })
      expect(await merge(theirs)).toEqual({ blocked: 'its directory is gone' })
      const never = workspaces.at(sample.path, 't-never', 'orch/never')
      expect(await workspaces.merge(never, theirs, 'x')).toHaveProperty('blocked')
    })

    test('killed before the last step, it is finished by the next call', async () => {
      await commit(parent, { 'a.txt': 'mine\n' })
      const theirs = await commit(child, { 'b.txt': 'theirs\n', 'new.txt': 'new\n' })
      const head = await git(['rev-parse', 'HEAD'])
      const tree = await git(['merge-tree', '--write-tree', head, theirs])
      await git(['read-tree', '-m', '-u', head, tree])
      expect(await merge(theirs)).toHaveProperty('merged')
      expect(await git(['show', '-s', '--format=%P'])).toBe(`${head} ${theirs}`)
      expect(await git(['status', '--porcelain'])).toBe('')
    })

    test('two at once: both are in', async () => {
      const one = await commit(child, { 'b.txt': 'theirs\n' })
      const two = await commit(child, { 'c.txt': 'theirs\n' })
      await Promise.all([merge(one), merge(two), merge(one)])
      const head = (await workspaces.head(parent)) ?? ''
      expect(await workspaces.contains(sample.path, one, head)).toBe(true)
      expect(await workspaces.contains(sample.path, two, head)).toBe(true)
      expect(await git(['status', '--porcelain'])).toBe('')
    })

    test('no hook runs', async () => {
      const trap = join(temporaryDirectory(), 'sprung')
      const hooks = join(sample.path, '.git/hooks')
      await mkdir(hooks, { recursive: true })
      for (const hook of [
        'pre-merge-commit',
        'commit-msg',
        'post-merge',
        'post-index-change',
        'post-checkout',
      ])
        await writeFile(join(hooks, hook), `#!/bin/sh\ntouch '${trap}'\n`, { mode: 0o755 })
      const theirs = await sampleGit(child.path)(['commit-tree', 'HEAD^{tree}', '-p', 'HEAD', '-m', 'x'])
      expect(await merge(theirs)).toHaveProperty('merged')
      expect(existsSync(trap)).toBe(false)
    })

    test('contains: an ancestor, itself, and neither', async () => {
      const from = await sample.head()
      const theirs = await commit(child, { 'b.txt': 'theirs\n' })
      const { path } = sample
      expect(await workspaces.contains(path, from, theirs)).toBe(true)
      expect(await workspaces.contains(path, theirs, theirs)).toBe(true)
      expect(await workspaces.contains(path, theirs, from)).toBe(false)
      expect(await workspaces.contains(path, '0123456789'.repeat(4), from)).toBe(false)
      expect(await workspaces.contains(path, '-x', from)).toBe(false)
    })
  })
}
