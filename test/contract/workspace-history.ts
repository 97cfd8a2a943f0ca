import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Workspace, Workspaces } from '../../src/workspace/workspace.ts'
import { makeRepository, type SampleRepository, sampleGit } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What every adapter of the workspace port tells of the work in a workspace. */
export function workspaceHistoryContract(adapter: string, make: (state: string) => Workspaces): void {
  describe(`what was done in workspaces: ${adapter}`, () => {
    let sample: SampleRepository
    let workspaces: Workspaces
    let workspace: Workspace
    let from: string

    beforeEach(async () => {
      sample = await makeRepository({
        files: { 'a.txt': 'a\n', 'sub/b.txt': 'b\n', '.gitignore': '*.log\n' },
      })
      workspaces = make(temporaryDirectory())
      from = await sample.head()
      workspace = await workspaces.prepare({ repo: sample.path, name: 't-1', branch: 'orch/t-1', from })
    })

    const git = () => sampleGit(workspace.path)
    const put = async (name: string, text = `${name}\n`) => {
      await mkdir(dirname(join(workspace.path, name)), { recursive: true })
      await writeFile(join(workspace.path, name), text)
    }
    const commit = async (subject: string) => {
      await git()(['add', '--all'])
      await git()(['commit', '--quiet', '--allow-empty', '-m', subject])
      return git()(['rev-parse', 'HEAD'])
    }

    test('standing: nothing, then each kind of change, and not what git ignores', async () => {
      expect(await workspaces.standing(workspace)).toEqual({ onBranch: true, uncommitted: [] })
      await put('noise.log')
      await put('new dir/größe "x".txt')
      await put('a.txt', 'changed\n')
      await put('staged.txt')
      await git()(['add', 'staged.txt'])
      await rm(join(workspace.path, 'sub/b.txt'))
      const { uncommitted } = await workspaces.standing(workspace)
      expect(uncommitted.toSorted()).toEqual(['a.txt', 'new dir/', 'staged.txt', 'sub/b.txt'])
      await commit('All of it')
      expect(await workspaces.standing(workspace)).toEqual({ onBranch: true, uncommitted: [] })
    })

    test('standing: on another branch, detached, and gone', async () => {
      await git()(['checkout', '--quiet', '-b', 'other'])
      expect(await workspaces.standing(workspace)).toMatchObject({ onBranch: false })
      await git()(['checkout', '--quiet', '--detach'])
      expect(await workspaces.standing(workspace)).toMatchObject({ onBranch: false })
      await workspaces.remove(workspace)
      expect(await workspaces.standing(workspace)).toEqual({ onBranch: false, uncommitted: [] })
    })

    test('changes: commits with their subjects, and all files that differ', async () => {
      expect(await workspaces.changes(sample.path, from, from, 10)).toEqual({ commits: [], files: [] })
      await put('größe "x".txt')
      const first = await commit('Add  a file\n\nbody')
      await rm(join(workspace.path, 'a.txt'))
      const second = await commit('commit 0123456789')
      const { commits, files } = await workspaces.changes(sample.path, from, second, 10)
      expect(commits).toEqual([
        { id: second, subject: 'commit 0123456789' },
        { id: first, subject: 'Add  a file' },
      ])
      expect(files.toSorted()).toEqual(['a.txt', 'größe "x".txt'])
      expect((await workspaces.changes(sample.path, from, second, 1)).commits).toHaveLength(1)
      await expect(workspaces.changes(sample.path, '--all', second, 1)).rejects.toMatchObject({
        code: 'E_GIT',
      })
    })

    test('known: what is there, what was there, and nothing else', async () => {
      await put('x.txt')
      await commit('Add x')
      await rm(join(workspace.path, 'x.txt'))
      await rm(join(workspace.path, 'a.txt'))
      const head = await commit('Remove x and a')
      await put('untracked.txt')
      const asked = ['sub/b.txt', 'sub', 'a.txt', 'x.txt', 'untracked.txt', '*.txt', ':/a.txt', '.git/config']
      expect(await workspaces.known(sample.path, head, asked)).toEqual(['sub/b.txt', 'sub', 'a.txt', 'x.txt'])
      expect(await workspaces.known(sample.path, head, [])).toEqual([])
    })

    test('commit: by its beginning, and never by the name of a branch', async () => {
      const start = { id: from, subject: 'Start' }
      expect(await workspaces.commit(sample.path, from)).toEqual(start)
      expect(await workspaces.commit(sample.path, from.slice(0, 8))).toEqual(start)
      await sample.git(['branch', 'deadbeef'])
      for (const id of ['deadbeef', 'main', '0123456789'.repeat(4), '--all', ''])
        expect(await workspaces.commit(sample.path, id)).toBeUndefined()
    })
  })
}
