import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { until } from '../../test/support/orch.ts'
import { beginWith, ended, order, realParts, surround, taskWhen } from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'
import { resultFile } from './attempt/result.ts'

const BEGIN = 'echo half >half.txt; echo begun'
const record = (
  parts: Awaited<ReturnType<typeof realParts>>,
  task: Parameters<typeof resultFile>[1],
  agent: string,
) => JSON.parse(readFileSync(resultFile(parts.paths, task, agent), 'utf8'))
const begun = (parts: Awaited<ReturnType<typeof realParts>>, agent: string) =>
  until('work is begun', async () => (await parts.directories.readLog(agent, 0, 1_000)).includes('begun'))

it('a retry that comes while the agent is still being stopped takes nothing from under it', async () => {
  const parts = await realParts()
  const { path, git } = await makeRepository()
  const orchestrator = await beginWith(parts)
  // It takes a while to go, and writes a last word when it is told to.
  const script = `if [ -e half.txt ]; then cp last.txt done.txt; exit; fi
    trap 'sleep 0.3; echo word >last.txt; exit 1' TERM; ${BEGIN}; while :; do sleep 0.1; done`
  const task = await order(orchestrator, path, script)
  const [first] = await until('it is leased', async () => {
    const attempts = await parts.store.tasks.attempts(task.id)
    return attempts.length > 0 && attempts
  })
  await begun(parts, first?.agent ?? '')
  const cancelling = orchestrator.cancel(task.id)
  await taskWhen(parts, task, 'is cancelled', ({ state }) => state === 'cancelled')
  await orchestrator.retry(task.id)
  await cancelling
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
  expect(await git(['show', `${done.spec.branch}:done.txt`])).toBe('word')
  const events = await parts.store.journal.read({ taskId: task.id, types: ['agent.stopped', 'work.saved'] })
  expect(events.map(({ type, epoch }) => [type, epoch])).toEqual([
    ['agent.stopped', 1],
    ['work.saved', 1],
  ])
})

it('what a daemon left running when it died while cancelling is ended before the next try begins', async () => {
  const parts = await realParts()
  const { path, git } = await makeRepository()
  const first = await beginWith(parts)
  const script = `if [ -e half.txt ]; then exit; fi; ${BEGIN}; while :; do date >>half.txt; sleep 0.1; done`
  const task = await order(first, path, script)
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  const [attempt] = await parts.store.tasks.attempts(task.id)
  await begun(parts, attempt?.agent ?? '')
  await first.end()
  await parts.store.tasks.cancel(task.id, 1, { code: 'cancelled', message: 'and then it died' })
  await parts.store.tasks.retry(task.id, 1)
  await beginWith(
    surround(parts, async (name, call) => (name === 'directories.list' ? ([] as never) : call())),
  )
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 2 })
  expect(await git(['show', `${task.spec.branch}:half.txt`])).toMatch(/^half\n/)
  expect((await parts.directories.status(attempt?.agent ?? '')).state).toBe('exited')
})

it('cancelled between two tries, the attempt that failed keeps its record', async () => {
  const parts = await realParts({ config: { backoffSeconds: 3_600 } })
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const task = await order(orchestrator, path, 'exit 3')
  const queued = await taskWhen(
    parts,
    task,
    'waits for its next try',
    ({ state, used }) => state === 'queued' && used === 1,
  )
  await orchestrator.cancel(task.id)
  const [attempt] = await parts.store.tasks.attempts(task.id)
  expect(record(parts, queued, attempt?.agent ?? '')).toMatchObject({
    status: 'failed',
    reason: { code: 'agent-failed' },
  })
})

it('a claim that comes between the word and the arrow is ended too', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let claimed = () => {}
  const gate = new Promise<void>((resolve) => {
    claimed = resolve
  })
  const late = surround(parts, async (name, call) => {
    if (name === 'tasks.cancel') await gate
    return call()
  })
  const orchestrator = await beginWith(late)
  const task = await order(orchestrator, path, `${BEGIN}; sleep 1000`)
  const cancelling = orchestrator.cancel(task.id)
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  claimed()
  await cancelling
  const [attempt] = await parts.store.tasks.attempts(task.id)
  expect((await parts.directories.status(attempt?.agent ?? '')).state).toBe('exited')
})

it('stopping all agents is not upset by a task that ends in the meantime', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let first: string | undefined
  const orchestrator = await beginWith(
    surround(parts, async (name, call) => {
      if (name === 'tasks.cancel' && first) {
        const id = first as `t-${string}`
        first = undefined
        await parts.store.tasks.cancel(id, 1, { code: 'x', message: 'somebody was faster' })
      }
      return call()
    }),
  )
  const tasks = [await order(orchestrator, path, 'sleep 1000'), await order(orchestrator, path, 'sleep 1000')]
  for (const task of tasks) await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  first = tasks[0]?.id
  await orchestrator.stopAgents()
  for (const task of tasks) expect(await parts.store.tasks.get(task.id)).toMatchObject({ state: 'cancelled' })
})

it('what is dead can be given up; cancelling everything leaves what has ended as it is', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const made = await Promise.all([
    order(orchestrator, path, 'exit 3', { tries: 1 }),
    order(orchestrator, path, 'exit 3', { tries: 1, title: 'Another' }),
    order(orchestrator, path, 'echo done >done.txt'),
  ])
  const [dead, kept, accepted] = await Promise.all(made.map((task) => ended(parts, task)))
  expect([dead, kept, accepted].map((task) => task?.state)).toEqual(['dead', 'dead', 'accepted'])
  expect(await orchestrator.cancel(dead!.id)).toMatchObject({ state: 'cancelled' })
  await expect(orchestrator.cancel(dead!.id)).rejects.toMatchObject({ code: 'E_STATE' })
  await expect(orchestrator.cancel(accepted!.id)).rejects.toMatchObject({ code: 'E_STATE' })
  expect(await orchestrator.stopAgents()).toBe(0)
  expect(await parts.store.tasks.get(kept!.id)).toEqual(kept)
  expect((await parts.store.tasks.attempts(dead!.id))[0]).toMatchObject({ outcome: 'failed' })
})
