import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { carryCluster } from '../../test/support/carry-hosts.ts'
import { ended, order } from '../../test/support/parts.ts'
import { makeRepository, sampleGit } from '../../test/support/repository.ts'
import { createOrchestrator } from '../orchestrator/orchestrator.ts'
import { workOf } from '../task/task.ts'

const WORK = 'echo 1 >one; git add -A; git commit -qm one'

test('a clone goes when no open task needs it and its home has all that is in it, not before', async () => {
  const { host } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha')
  const task = await order(createOrchestrator(alpha.parts), sample.path, WORK)
  const beta = await host('beta')
  const orchestrator = await beta.begin()
  const done = await ended(beta.parts, task)
  expect(done.state).toBe('accepted')
  const clone = done.spec.repo
  const head = workOf(done.proof)?.head as string
  const clean = async () => {
    const told = await orchestrator.cleanUp({ force: false, dryRun: true })
    const now = await orchestrator.cleanUp({ force: false, dryRun: false })
    expect(told).toEqual(now)
    return now
  }
  const why = async () => (await clean()).kept.find(({ what }) => what === `clone ${clone}`)?.why

  expect(await why()).toBe(`it holds work that its home has not (${head.slice(0, 12)})`)
  await alpha.die()
  expect(await why()).toContain('its home does not answer')
  const again = await alpha.back()
  const at = { repo: sample.path }
  expect((await again.handlers.pulls({ query: at })).pulls).toMatchObject([{ headCommit: head }])

  const open = await order(createOrchestrator(again.parts), sample.path, WORK, {
    priority: -1,
    after: [task.id],
  })
  await orchestrator.end()
  expect(await why()).toBe(`open tasks need it (${open.id})`)
  await again.parts.store.tasks.cancel(open.id, Date.now(), { code: 'cancelled', message: 'by the test' })
  await sampleGit(clone)(['worktree', 'add', '-q', '--detach', `${clone}-tree`, head])
  expect(await why()).toBe(`${clone}-tree is a work tree of it`)
  await sampleGit(clone)(['worktree', 'remove', `${clone}-tree`])
  expect(existsSync(beta.parts.paths.forge)).toBe(true)
  expect((await clean()).removed).toEqual([`clone ${clone}`])
  expect(existsSync(clone)).toBe(false)
  expect(await readdir(beta.parts.paths.forge)).toEqual([])
  expect((await clean()).removed).toEqual([])

  const home = createOrchestrator(again.parts)
  const ref = `refs/orch/carried/${head}`
  expect(await sample.git(['rev-parse', ref])).toBe(head)
  const cleaned = await home.cleanUp({ force: false, dryRun: false })
  expect(cleaned.removed).toContain(`${ref} of ${sample.path}`)
  expect(await sample.git(['for-each-ref', 'refs/orch/carried'])).toBe('')
  expect((await again.handlers.pull({ params: { number: 1 }, query: at })).headCommit).toBe(head)
})

test('what nothing else keeps stays at home', async () => {
  const { host } = await carryCluster()
  const sample = await makeRepository()
  const alpha = await host('alpha')
  const orchestrator = createOrchestrator(alpha.parts)
  const task = await order(orchestrator, sample.path, WORK)
  const lone = await sample.git(['commit-tree', '-m', 'lone', 'HEAD^{tree}'])
  const ref = `refs/orch/carried/${lone}`
  await sample.git(['update-ref', ref, lone])
  expect((await orchestrator.cleanUp({ force: false, dryRun: false })).kept).toHaveLength(1)
  await alpha.parts.store.tasks.cancel(task.id, Date.now(), { code: 'cancelled', message: 'by the test' })
  const { removed, kept } = await orchestrator.cleanUp({ force: false, dryRun: false })
  expect(removed).toEqual([])
  expect(kept).toEqual([{ what: `${ref} of ${sample.path}`, why: 'it holds work that nothing else keeps' }])
  expect(await sample.git(['rev-parse', ref])).toBe(lone)
})
