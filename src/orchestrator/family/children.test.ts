import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { acceptWith, buryTask, claimTask, holdParent } from '../../../test/support/family.ts'
import { type RealParts, realParts, surround } from '../../../test/support/parts.ts'
import { sampleGit } from '../../../test/support/repository.ts'
import type { Config } from '../../config/schema.ts'
import type { Task } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import type { Parts } from '../parts.ts'
import {
  bringInMissing,
  childrenSummary,
  missingChildren,
  pendingChildren,
  publishedByChildren,
  settleChildren,
} from './children.ts'
import { delegateParts } from './delegation.ts'

async function given(titles: string[], config: Partial<Config> = {}) {
  const parts: RealParts = await realParts({ config })
  const parent = await holdParent(parts)
  const orders = titles.map((title) => ({ title, description: `Do ${title}` }))
  const { tasks } = await delegateParts(parts, parent, orders)
  const child = async (title: string) =>
    claimTask(parts, (tasks.find((it) => it.spec.title === title) as Task).id)
  const settle = (idle = true, inside: Parts = parts) => settleChildren(inside, parent, { idle, each: true })
  const results = async () => {
    const mail = await parts.store.mailboxes.history({ mailbox: parent.task.id, types: ['task_result'] })
    return mail.map(({ message }) => message)
  }
  const merged = () => parts.store.journal.read({ taskId: parent.task.id, types: ['branch.merged'] })
  const place = workspaceOf(parts, parent.task)
  return { parts, parent, tasks, child, settle, results, merged, place, git: sampleGit(place.path) }
}

test('what is accepted comes into the branch, and is told of once', async () => {
  const { parts, child, settle, results, merged, git, parent } = await given(['one', 'two'])
  const one = await child('one')
  expect(one.task.spec).toMatchObject({ proof: 'branch', origin: { kind: 'delegation' }, depth: 1 })
  expect(await settle()).toEqual({ pending: 2, told: [] })
  const head = await acceptWith(parts, one, { 'one.txt': '1\n' })
  expect(await settle()).toEqual({ pending: 1, told: [one.task.id] })
  expect(await settle()).toEqual({ pending: 1, told: [] })
  const [result] = await results()
  expect(result).toMatchObject({ from: 'orch', to: parent.task.id, id: `result-${one.task.id}-1` })
  expect(result?.payload).toMatchObject({
    task: one.task.id,
    status: 'accepted',
    summary: 'Did one',
    branch: one.task.spec.branch,
    head,
    merge: 'merged',
    next: expect.stringContaining('in your branch now'),
  })
  expect(await git(['merge-base', '--is-ancestor', head, 'HEAD'])).toBe('')
  expect(await merged()).toMatchObject([
    {
      agent: parent.attempt.agent,
      epoch: 1,
      data: { child: one.task.id, head, commit: await git(['rev-parse', 'HEAD']) },
    },
  ])
})

test('while the agent works its worktree is left alone; who has died is told of all the same', async () => {
  const { parts, child, settle, results, git } = await given(['one', 'two'])
  const before = await git(['rev-parse', 'HEAD'])
  await acceptWith(parts, await child('one'), { 'one.txt': '1\n' })
  const two = await child('two')
  await buryTask(parts, two, 'no \0 key')
  expect(await settle(false)).toEqual({ pending: 0, told: [two.task.id] })
  expect(await git(['rev-parse', 'HEAD'])).toBe(before)
  expect((await results())[0]?.payload).toMatchObject({
    status: 'dead',
    reason: 'no  key',
  })
  expect((await settle()).told).toHaveLength(1)
})

test('a conflict leaves the worktree as it was and names the files; resolved, nothing is missing', async () => {
  const { parts, parent, child, settle, results, git, merged } = await given(['one'])
  const one = await child('one')
  const head = await acceptWith(parts, one, { 'a.txt': 'theirs\n' })
  const mine = await parent.commit({ 'a.txt': 'mine\n' })
  await settle()
  expect(await git(['rev-parse', 'HEAD'])).toBe(mine)
  expect(await git(['status', '--porcelain'])).toBe('')
  const [result] = await results()
  expect(result?.payload).toMatchObject({ merge: 'conflict', conflicts: ['a.txt'] })
  expect(result?.payload.next).toContain(`git merge ${head}`)
  expect(await merged()).toEqual([])
  expect((await missingChildren(parts, parent.task, mine)).map(({ id }) => id)).toEqual([one.task.id])
  expect(await childrenSummary(parts, parent.task)).toEqual([
    `- ${one.task.id} (one; general): accepted; bring it in: git merge ${head}`,
  ])
  await git.try(['merge', head])
  const resolved = await parent.commit({ 'a.txt': 'both\n' })
  expect(await missingChildren(parts, parent.task, resolved)).toEqual([])
  expect((await childrenSummary(parts, parent.task))[0]).toContain('its commits are in your branch')
})

test('uncommitted work in the way: told so; committed, it is tried once more', async () => {
  const { parts, parent, child, settle, results, place, git } = await given(['one'])
  await acceptWith(parts, await child('one'), { 'b.txt': 'theirs\n' })
  await writeFile(join(place.path, 'b.txt'), 'half\n')
  await settle()
  expect((await results())[0]?.payload).toMatchObject({
    merge: 'open',
    next: expect.stringContaining('b.txt'),
  })
  await git(['checkout', '--quiet', 'b.txt'])
  await bringInMissing(parts, parent)
  expect(await missingChildren(parts, parent.task, await git(['rev-parse', 'HEAD']))).toEqual([])
  await bringInMissing(parts, parent)
})

test('killed anywhere in the middle, the next one finishes it: one merge, one event, one message', async () => {
  for (let at = 1; ; at++) {
    const { parts, child, settle, results, merged, git } = await given(['one'])
    await acceptWith(parts, await child('one'), { 'one.txt': '1\n' })
    let calls = 0
    const mortal = surround(parts, async (_, call) => {
      if (++calls > at) throw new Error('killed')
      const answer = await call()
      if (calls === at) throw new Error('killed')
      return answer
    })
    const died = await settle(true, mortal).then(
      () => false,
      () => true,
    )
    await settle()
    expect(await results()).toHaveLength(1)
    expect(await merged()).toHaveLength(1)
    expect(await git(['rev-list', '--count', '--merges', 'HEAD'])).toBe('1')
    expect(await git(['status', '--porcelain'])).toBe('')
    if (!died) break
  }
})

test("at a turn's end it is told at once of what asks for something, of the rest together", async () => {
  const { parts, parent, child, git } = await given(['one', 'two', 'three'])
  const settle = () => settleChildren(parts, parent, { idle: true })
  const one = await child('one')
  await acceptWith(parts, one, { 'one.txt': '1\n' })
  expect(await settle()).toEqual({ pending: 2, told: [] })
  expect(await git(['show', 'HEAD:one.txt'])).toBe('1')
  const head = await git(['rev-parse', 'HEAD'])
  const two = await child('two')
  await buryTask(parts, two)
  expect(await settle()).toEqual({ pending: 1, told: [two.task.id] })
  const three = await child('three')
  await acceptWith(parts, three, { 'three.txt': '1\n' })
  expect(await settle()).toEqual({ pending: 0, told: [one.task.id, three.task.id] })
  expect(await git(['rev-list', '--count', '--first-parent', `${head}..HEAD`])).toBe('1')
})

test('two at once tell it once', async () => {
  const { parts, child, settle, results } = await given(['one', 'two'])
  await acceptWith(parts, await child('one'), { 'one.txt': '1\n' })
  await acceptWith(parts, await child('two'), { 'two.txt': '2\n' })
  const both = await Promise.all([settle(), settle(), settle()])
  expect(both.flatMap(({ told }) => told)).toHaveLength(2)
  expect(await results()).toHaveLength(2)
})

test('an attempt that is over neither merges nor tells', async () => {
  const { parts, parent, child, settle, results, git } = await given(['one'])
  await acceptWith(parts, await child('one'), { 'one.txt': '1\n' })
  const before = await git(['rev-parse', 'HEAD'])
  const reason = { code: 'x', message: 'x' }
  await parts.store.tasks.lose(parent.fence, parts.clock.now(), { reason, retryAt: 0 })
  await expect(settle()).rejects.toMatchObject({ code: 'E_STALE' })
  expect(await git(['rev-parse', 'HEAD'])).toBe(before)
  expect(await results()).toEqual([])
})

test('a child that a person starts again is told of again', async () => {
  const { parts, child, settle, results, tasks } = await given(['one'])
  await buryTask(parts, await child('one'))
  await settle()
  await parts.store.tasks.retry((tasks[0] as Task).id, parts.clock.now())
  expect((await settle()).pending).toBe(1)
  await acceptWith(parts, await child('one'), { 'one.txt': '1\n' })
  await settle()
  expect((await results()).map(({ payload }) => payload.status)).toEqual(['dead', 'accepted'])
})

test('for a child that handed its work over stand those in which it goes on', async () => {
  const { parts, child, parent, settle, results, git } = await given(['one'])
  const one = await child('one')
  const order = {
    id: parts.ids.task(),
    spec: {
      ...one.task.spec,
      title: 'other',
      branch: 'orch/other',
      parent: one.task.id,
      depth: 2,
      origin: { kind: 'handoff', transfers: true } as const,
    },
  }
  const limits = { depth: 3, perTask: 20, perRun: 100 }
  await parts.store.tasks.spawn(one.fence, { requestId: 'handoff-1', now: 1, tasks: [order], limits })
  await acceptWith(parts, one, { 'one.txt': '1\n' }, { head: undefined, handedTo: [order.id] } as object)
  expect(await pendingChildren(parts, parent.task)).toBe(1)
  expect(await settle()).toEqual({ pending: 1, told: [] })
  await acceptWith(parts, await claimTask(parts, order.id), { 'other.txt': '1\n' })
  expect(await settle()).toEqual({ pending: 0, told: [order.id] })
  expect((await results()).map(({ payload }) => payload.title)).toEqual(['other'])
  expect(await git(['show', 'HEAD:other.txt'])).toBe('1')
})

test('who has committed nothing is done by the pull requests of its parts; who has is not', async () => {
  const { parts, parent, child, settle, results } = await given(['one', 'two'], {
    integrate: 'pull-requests',
  })
  const published = () => publishedByChildren(parts, parent.task)
  const one = await child('one')
  await buryTask(parts, await child('two'))
  expect(await published()).toEqual([])
  const pullRequest = { forge: 'local', number: 1, url: 'local:1' } as const
  await acceptWith(parts, one, { 'one.txt': '1\n' }, { pullRequest })
  expect(await published()).toEqual([one.task.id])
  await settle()
  expect((await results()).map(({ payload }) => payload.pullRequest).filter(Boolean)).toEqual(['local:1'])
  await parent.commit({ 'own.txt': '1\n' })
  expect(await published()).toEqual([])
})
