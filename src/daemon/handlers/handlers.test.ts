import { rm } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { beginWith, ended, order, realParts, taskWhen } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { createOrchestrator, type Orchestrator } from '../../orchestrator/orchestrator.ts'
import type { Parts } from '../../orchestrator/parts.ts'
import { createHandlers } from './handlers.ts'

const FACTS = { version: '1.0.0', startedAt: 1, apiUrl: async () => undefined }
const handlersOf = (parts: Parts, orchestrator: Orchestrator) => createHandlers(parts, orchestrator, FACTS)
const WORK = 'echo work >work.txt; echo done'

async function idle() {
  const parts = await realParts()
  const { path } = await makeRepository()
  const orchestrator = createOrchestrator(parts)
  return { parts, path, orchestrator, handlers: handlersOf(parts, orchestrator) }
}

describe('a task that was never begun', () => {
  it('has a log that ends with it, and no screen', async () => {
    const { path, orchestrator, handlers } = await idle()
    const { id } = await order(orchestrator, path, WORK)
    const log = () => handlers.log({ params: { id }, query: { from: 0 } })
    expect(await log()).toEqual({ text: '', next: 0, ended: false })
    await expect(handlers.attach({ params: { id } })).rejects.toMatchObject({ code: 'E_STATE' })
    await expect(handlers.say({ params: { id }, body: { text: 'hello' } })).rejects.toMatchObject({
      code: 'E_CANNOT_HEAR',
    })
    await handlers.cancel({ params: { id } })
    expect(await log()).toEqual({ text: '', next: 0, ended: true })
    await expect(handlers.log({ params: { id }, query: { from: 0, attempt: 1 } })).rejects.toMatchObject({
      code: 'E_NOT_FOUND',
    })
  })
})

describe('status', () => {
  it('of what is no repository is refused; of one that is gone it shows the tasks that it had', async () => {
    const { path, orchestrator, handlers } = await idle()
    const { id } = await order(orchestrator, path, WORK)
    await expect(handlers.status({ query: { repo: temporaryDirectory() } })).rejects.toMatchObject({
      code: 'E_NOT_A_REPOSITORY',
    })
    await rm(path, { recursive: true })
    expect((await handlers.status({ query: { repo: path } })).tasks).toMatchObject([{ id }])
  })
})

describe('names of tasks', () => {
  it('are ids, beginnings of ids, and names of agents that were there', async () => {
    const parts = await realParts()
    const { path } = await makeRepository()
    const orchestrator = await beginWith(parts)
    const { id } = await ended(parts, await order(orchestrator, path, WORK))
    const word = id.slice(2)
    for (const name of [id, word, id.slice(0, 6), `task-agent-${word}-1`])
      expect((await orchestrator.resolve(name)).id).toBe(id)
    for (const name of [`task-agent-${word}-2`, `other-${word}-1`, 't-', 'r-1', 'nothing'])
      await expect(orchestrator.resolve(name)).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  })
  it('that begin several ids are refused, unless they are one', async () => {
    const { parts, path, orchestrator } = await idle()
    const { spec } = await order(orchestrator, path, WORK)
    const ids = ['t-aaaa', 't-aaaab', 't-aaaac'] as const
    await parts.store.tasks.submit(
      { id: 'r-9', requestId: 'second', repo: path, createdAt: 1 },
      ids.map((id) => ({ id, spec })),
    )
    await expect(orchestrator.resolve('aaa')).rejects.toMatchObject({ code: 'E_AMBIGUOUS' })
    expect((await orchestrator.resolve('aaaa')).id).toBe('t-aaaa')
  })
})

describe('pull requests', () => {
  it('of an agent are told with its task and run, and listed with the task', async () => {
    const parts = await realParts()
    const { path, git } = await makeRepository()
    const orchestrator = await beginWith(parts)
    const handlers = handlersOf(parts, orchestrator)
    const task = await order(orchestrator, path, 'sleep 1000')
    await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
    const { branch: head, base } = task.spec
    await git(['-C', parts.workspaces.at(path, task.id, head).path, 'commit', '--allow-empty', '-qm', 'work'])
    await parts.forges.local.push(path, head)
    await handlers.openPull({ body: { repo: path, head, base, title: 'Mine', body: '' } })
    const [opened] = await parts.store.journal.read({ types: ['pr.opened'] })
    expect(opened).toMatchObject({ taskId: task.id, runId: task.runId })
    expect((await handlers.pulls({ query: { repo: path } })).pulls).toMatchObject([{ taskId: task.id }])
    await handlers.cancel({ params: { id: task.id } })
  })
})

describe('what is handed on to agents', () => {
  it('is forgotten when the same request comes again, or cannot be queued', async () => {
    const { parts, path, handlers } = await idle()
    const tasks = [{ driver: 'command', argv: ['true'], description: 'x' }]
    const body = { requestId: 'the-same-one', repo: path, tasks, env: { KEY: 'secret' } }
    const run = await handlers.submit({ body })
    expect((await handlers.submit({ body })).id).toBe(run.id)
    const { readdir } = await import('node:fs/promises')
    expect(await readdir(parts.paths.runs)).toEqual([run.id])
  })
})
