import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { systemClock } from '../clock.ts'
import { createIds, systemRandom } from '../id.ts'
import { silentLog } from '../log.ts'
import { createRepositoryLock } from './repository-lock.ts'
import { createWorktrees } from './worktree.ts'

async function setUp() {
  const state = temporaryDirectory()
  const sample = await makeRepository()
  const workspaces = createWorktrees({
    git: sampleGit('/'),
    root: join(state, 'worktrees'),
    trash: join(state, 'trash'),
    clock: systemClock,
    ids: createIds(systemRandom),
    log: silentLog,
    lock: createRepositoryLock({ clock: systemClock }),
  })
  const base = await sample.head()
  const commitOn = async (from: string, file: string) => {
    await sample.git(['checkout', '-q', '--detach', from])
    return await sample.commit({ [file]: file })
  }
  const adopt = (commit: string, saved = false) => workspaces.adopt(sample.path, 'work', commit, { saved })
  const tip = () => sample.git(['rev-parse', 'work'])
  const saved = () => sample.git(['for-each-ref', '--format=%(objectname)', 'refs/orch/saved'])
  return { sample, workspaces, base, commitOn, adopt, tip, saved }
}

test('made, moved forward, left where it holds the commit already', async () => {
  const { base, commitOn, adopt, tip, saved } = await setUp()
  const one = await commitOn(base, 'one')
  const two = await commitOn(one, 'two')
  for (const [commit, then] of [
    [one, one],
    [two, two],
    [one, two],
    [two, two],
  ] as const) {
    await adopt(commit)
    expect(await tip()).toBe(then)
  }
  expect(await saved()).toBe('')
})

test('other commits are kept beside it', async () => {
  const { base, commitOn, adopt, tip, saved } = await setUp()
  const mine = await commitOn(base, 'mine')
  const theirs = await commitOn(base, 'theirs')
  await adopt(mine)
  await adopt(theirs)
  expect(await tip()).toBe(theirs)
  expect(await saved()).toBe(mine)
})

test('uncommitted work that was saved on another host is uncommitted again', async () => {
  const { sample, workspaces, base, commitOn, adopt } = await setUp()
  const work = await commitOn(base, 'saved')
  await sample.git(['checkout', '-q', 'main'])
  await adopt(work, true)
  const order = { repo: sample.path, name: 't-1', branch: 'work', from: base }
  const workspace = await workspaces.prepare(order)
  expect(workspace.isNew).toBe(false)
  expect(await workspaces.reopen(workspace, work)).toBe(base)
  expect((await workspaces.standing(workspace)).uncommitted).toEqual(['saved'])
})
