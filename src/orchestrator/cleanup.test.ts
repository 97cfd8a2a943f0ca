import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { beginWith, ended, order, realParts, taskWhen } from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'
import type { Task } from '../task/task.ts'

const WORK = 'echo work >work.txt; git add .; git commit -qm work'

async function playground() {
  const parts = await realParts()
  const repository = await makeRepository()
  const orchestrator = await beginWith(parts)
  const run = async (script: string) =>
    await ended(parts, await order(orchestrator, repository.path, script, { tries: 1 }))
  const branch = (task: Task) =>
    repository.git.try(['rev-parse', '--verify', '-q', task.spec.branch]).then((it) => it.code === 0)
  const both = async (force = false) => {
    const told = await orchestrator.cleanUp({ force, dryRun: true })
    const done = await orchestrator.cleanUp({ force, dryRun: false })
    expect(told).toEqual(done)
    return done
  }
  return { ...repository, parts, orchestrator, run, branch, both }
}

describe('cleanup', () => {
  it('keeps unmerged work and removes what is merged or empty; a dry run tells the same', async () => {
    const { parts, path, run, branch, both } = await playground()
    const merged = await run(WORK)
    const { headCommit } = await parts.forges.local.get(path, 1)
    await parts.forges.local.merge(path, 1, { method: 'squash', expectedHead: headCommit })
    const failed = await run(`echo half >half.txt; exit 1`)
    const empty = await run('exit 1')
    const cleaned = await both()
    expect(cleaned.kept).toEqual([
      { what: `branch ${failed.spec.branch}`, why: 'it holds work that is not merged' },
    ])
    expect([await branch(merged), await branch(failed), await branch(empty)]).toEqual([false, true, false])
    expect(cleaned.removed.filter((it) => it.startsWith('workspace'))).toHaveLength(2)
    expect(await both()).toEqual({ removed: [], kept: cleaned.kept })
  })

  it('keeps a branch that a person has checked out', async () => {
    const { git, path, run, both } = await playground()
    const empty = await run('exit 1')
    await git(['switch', '-q', '--ignore-other-worktrees', empty.spec.branch])
    expect((await both()).kept).toEqual([
      { what: `branch ${empty.spec.branch}`, why: `it is checked out in ${path}` },
    ])
  })

  it('leaves what is under way alone, and does not disturb it', async () => {
    const { parts, path, orchestrator, both } = await playground()
    const task = await order(orchestrator, path, `sleep 0.5; ${WORK}`)
    await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
    expect(await both(true)).toEqual({ removed: [], kept: [{ what: task.id, why: 'it is working' }] })
    expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
  })

  it('goes on after what cannot be removed: the repository is gone', async () => {
    const { parts, path, run, both } = await playground()
    const failed = await run('echo half >half.txt; exit 1')
    const workspace = parts.workspaces.at(path, failed.id, '').path
    await rm(path, { recursive: true })
    const { removed, kept } = await both(true)
    expect(kept).toMatchObject([{ what: workspace, why: expect.stringContaining(path) }])
    expect(existsSync(workspace)).toBe(true)
    expect(removed).toEqual([expect.stringContaining('attempt directory')])
  })
})
