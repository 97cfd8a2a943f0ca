import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { realParts } from '../../../test/support/parts.ts'
import { makeRepository, sampleGit } from '../../../test/support/repository.ts'
import type { TaskId } from '../../id.ts'
import type { MessageType } from '../../message/message.ts'
import type { TaskSpec } from '../../task/task.ts'
import { createAgentCalls } from '../agent-tools/call.ts'
import { send } from '../bus/bus.ts'
import { senderOf } from '../bus/sender.ts'
import { handedOver, takersSummary } from './handed-over.ts'

const argv = ['sh', '-c', 'true']

/** An agent at work, with a workspace and one commit, but without any process. */
async function given(spec: Partial<TaskSpec> = {}) {
  const parts = await realParts()
  const sample = await makeRepository({ files: { 'a.txt': 'a\n', 'old.txt': 'old\n' }, branches: ['other'] })
  const start = await sample.head()
  const held = await holdTask(parts, { repo: sample.path, branch: 'orch/audit', argv, ...spec })
  const { task, fence, token } = held
  const workspace = await parts.workspaces.prepare({
    repo: sample.path,
    name: task.id,
    branch: task.spec.branch,
    from: start,
  })
  await parts.store.tasks.progress(fence, { attempt: { from: start } })
  const git = sampleGit(workspace.path)
  const put = async (name: string, text = name) => {
    await mkdir(dirname(join(workspace.path, name)), { recursive: true })
    await writeFile(join(workspace.path, name), text)
  }
  const commit = async (subject: string) => {
    await git(['add', '--all'])
    await git(['commit', '--quiet', '--allow-empty', '-m', subject])
    return git(['rev-parse', 'HEAD'])
  }
  await put('src/found.ts')
  const head = await commit('Add what was found')
  const handOver = (input: object) =>
    createAgentCalls(parts).call(token, 'handoff', { goal: 'Mend it', profile: 'general', ...input })
  const receivers = () => parts.store.tasks.list({ parent: task.id })
  const tell = (type: MessageType, payload: object) =>
    send(parts, senderOf(task), { to: 'person', type, payload })
  return {
    parts,
    sample,
    held,
    task,
    fence,
    workspace,
    start,
    head,
    put,
    commit,
    git,
    handOver,
    receivers,
    tell,
  }
}

test('a new task begins at the commit of the sender, with the package as its prompt and as a message', async () => {
  const { parts, task, start, head, handOver, receivers, tell, fence, workspace } = await given()
  await tell('warning', { text: 'src/legacy breaks', files: ['a.txt'] })
  await tell('finding_report', {
    title: 'Injection',
    severity: 'high',
    description: 'in the query',
    file: 'src/found.ts',
    line: 3,
  })
  await tell('pattern_discovered', { name: 'Strings', description: 'SQL is glued together' })
  await parts.store.tasks.progress(fence, {
    events: [
      { type: 'agent.progress', at: 1, data: { summary: 'Looked at all queries' } },
      called('Read', join(workspace.path, 'a.txt')),
      called('Read', 'old.txt'),
      called('Read', '/etc/passwd'),
      called('Read', '../../x'),
      called('Edit', 'src/found.ts'),
      called('Bash', 'cat a.txt'),
      called('mcp__db__query', '{"sql":"select 1"}'),
    ],
  })
  const answer = await handOver({
    title: 'Mend the query',
    urgency: 'high',
    warnings: ['do not touch the API'],
    nextActions: ['write a failing test'],
    validation: ['security'],
  })
  const [receiver] = await receivers()
  expect(answer).toMatchObject({
    task: receiver?.id,
    title: 'Mend the query',
    profile: 'general',
    commit: head,
    created: true,
    next: expect.stringContaining('End your turn now'),
  })
  expect(receiver?.spec).toMatchObject({
    parent: task.id,
    from: head,
    validate: ['security-auditor'],
    priority: 10,
    depth: 1,
    origin: { kind: 'handoff', message: answer.handoff, transfers: true },
    argv,
  })
  const delivery = await parts.store.mailboxes.get(String(answer.handoff))
  expect(delivery?.message).toMatchObject({
    type: 'handoff',
    from: task.id,
    to: receiver?.id,
    priority: 'high',
  })
  expect(delivery?.message.payload).toMatchObject({
    goal: 'Mend it',
    context: {
      task: { id: task.id, title: 'Do it', description: 'Do it well' },
      branch: 'orch/audit',
      commit: head,
      commits: [{ id: head, subject: 'Add what was found' }],
      filesModified: ['src/found.ts'],
      filesRead: ['a.txt', 'old.txt'],
      decisions: ['Looked at all queries'],
      warnings: ['do not touch the API', 'src/legacy breaks (a.txt)'],
      discoveries: ['high: Injection (src/found.ts:3): in the query', 'Strings: SQL is glued together'],
    },
    recommendations: { nextActions: ['write a failing test'] },
    validation: ['security'],
  })
  expect(receiver?.spec.description).toContain('> Mend it')
  expect(receiver?.spec.description).toContain('> - write a failing test')
  expect(start).not.toBe(head)
  expect(await handedOver(parts, task)).toEqual([receiver?.id])
  expect(await takersSummary(parts, task)).toEqual([expect.stringMatching(/^- t-.*Mend the query.*queued/)])
})

const called = (name: string, input: string) =>
  ({ type: 'tool.called', at: 1, data: { id: name + input, name, input, ok: true } }) as const

test('twice, at once or later, is once; another goal is another handoff', async () => {
  const { handOver, receivers, put, commit, parts, task } = await given()
  const both = await Promise.all([handOver({}), handOver({})])
  expect(both[0]?.task).toBe(both[1]?.task)
  await put('later.txt')
  expect(await handOver({})).toMatchObject({ task: both[0]?.task, created: false }) // not even looked at again
  await commit('Later')
  expect(await receivers()).toHaveLength(1)
  expect(await handedOver(parts, task)).toEqual([]) // the last commit is in nobody's hands
  const named = await handOver({ id: 'my-second-handoff', goal: 'Test it' })
  expect(await handOver({ id: 'my-second-handoff', goal: 'Test it better' })).toMatchObject({
    task: named.task,
    created: false,
  })
  expect(await handedOver(parts, task)).toEqual([both[0]?.task, named.task])
  const [, first] = await receivers()
  await parts.store.tasks.cancel(first!.id, 1, { code: 'cancelled', message: 'by a person' })
  expect(await handedOver(parts, task)).toEqual([])
})

test('a call that was cut off after the task was made is made good by the next one', async () => {
  const { handOver, receivers, parts, task } = await given()
  const { mailboxes } = parts.store
  const send = mailboxes.send
  mailboxes.send = async () => {
    throw new Error('killed here')
  }
  await expect(handOver({})).rejects.toThrow('killed here')
  mailboxes.send = send
  const [receiver] = await receivers()
  expect(await handedOver(parts, task)).toEqual([receiver?.id])
  const answer = await handOver({})
  expect(answer).toMatchObject({ task: receiver?.id, created: true })
  expect(await mailboxes.get(String(answer.handoff))).toMatchObject({ message: { to: receiver?.id } })
  expect(await receivers()).toHaveLength(1)
})

test('by capability; without moving the work the sender has to prove its own', async () => {
  const { handOver, receivers, parts, task } = await given()
  const input = { profile: undefined, capability: 'documentation', transfers: false }
  expect(await handOver(input)).toMatchObject({
    profile: 'docs-writer',
    next: expect.stringContaining('own proof'),
  })
  expect((await receivers())[0]?.spec.origin).not.toHaveProperty('transfers')
  expect(await handedOver(parts, task)).toEqual([])
})

test('who has to approve the work has to approve it after a handoff, too', async () => {
  const { handOver, receivers } = await given({ validate: ['reviewer'] })
  await handOver({ validation: ['security', 'reviewer'] })
  await handOver({ goal: 'Part', transfers: false })
  const [part, whole] = await receivers()
  expect(whole?.spec.validate).toEqual(['reviewer', 'security-auditor'])
  expect(part?.spec.validate).toBeUndefined()
})

test('a part of delegated work stays a part: commits on a branch', async () => {
  const { handOver, receivers } = await given({ proof: 'branch', depth: 1 })
  await handOver({})
  expect((await receivers())[0]?.spec).toMatchObject({ proof: 'branch', depth: 2 })
})

test('to an agent that is at work: a message, and no new task', async () => {
  const { handOver, receivers, parts, sample } = await given()
  const other = await holdTask(parts, { repo: sample.path, branch: 'orch/other' })
  const answer = await handOver({ profile: undefined, to: other.task.id, urgency: 'critical' })
  expect(answer).toMatchObject({ task: other.task.id, created: true })
  expect(await receivers()).toEqual([])
  const [waiting] = await parts.store.mailboxes.history({ mailbox: other.task.id, types: ['handoff'] })
  expect(waiting).toMatchObject({
    state: 'waiting',
    message: { id: answer.handoff, priority: 'critical', payload: { transfers: false } },
  })
})

describe('what is not committed', () => {
  test.each<[string, (on: Awaited<ReturnType<typeof given>>) => Promise<unknown>, string]>([
    ['changed', ({ put }) => put('a.txt', 'changed'), 'commit first: a.txt'],
    ['new', ({ put }) => put('new.txt'), 'commit first: new.txt'],
    ['deleted', ({ workspace }) => rm(join(workspace.path, 'a.txt')), 'commit first: a.txt'],
    ['on another branch', ({ git }) => git(['checkout', '--quiet', '-b', 'aside']), 'orch/audit is not what'],
    [
      'without its workspace',
      ({ parts, workspace }) => parts.workspaces.remove(workspace),
      'orch/audit is not',
    ],
  ])('%s is refused', async (_, change, message) => {
    const on = await given()
    await change(on)
    await expect(on.handOver({})).rejects.toMatchObject({
      code: 'E_STATE',
      message: expect.stringContaining(message),
    })
    expect(await on.receivers()).toEqual([])
  })
})

describe('bad input', () => {
  const refused: [object, string, string][] = [
    [{ filesModified: ['../secret'] }, 'E_INVALID', 'filesModified'],
    [{ filesModified: ['/etc/passwd'] }, 'E_INVALID', 'filesModified'],
    [{ filesRead: ['a/../../x'] }, 'E_INVALID', 'filesRead'],
    [{ filesRead: ['missing.ts', 'a.txt'] }, 'E_INVALID', 'filesRead: "missing.ts" is not in'],
    [{ filesModified: ['.git/config'] }, 'E_INVALID', 'filesModified: ".git/config" is not in'],
    [{ branch: 'main' }, 'E_INVALID', 'branch: main is not yours'],
    [{ commits: ['0123456789abcdef'] }, 'E_INVALID', 'there is no commit 0123456789abcdef'],
    [{ commits: ['main'] }, 'E_INVALID', 'commits'],
    [{ goal: '' }, 'E_INVALID', 'goal'],
    [{ goal: undefined }, 'E_INVALID', 'goal'],
    [{ goal: 'nul\0' }, 'E_INVALID', 'goal'],
    [{ urgency: 'now' }, 'E_INVALID', 'urgency'],
    [{ decisions: 'one' }, 'E_INVALID', 'decisions'],
    [{ context: {} }, 'E_INVALID', 'context'],
    [{ goal: 'g'.repeat(5_000_000) }, 'E_TOO_LARGE', 'bytes'],
    [{ profile: 'nobody' }, 'E_INVALID', 'there is no profile nobody'],
    [{ profile: '../x' }, 'E_INVALID', 'profile'],
    [{ profile: undefined }, 'E_INVALID', 'one receiver'],
    [{ to: 't-aaaaaaaaaaaa' }, 'E_INVALID', 'one receiver'],
    [{ profile: undefined, capability: 'alchemy' }, 'E_INVALID', 'no profile can do alchemy'],
    [{ profile: undefined, to: 't-aaaaaaaaaaaa' }, 'E_NOT_FOUND', 't-aaaaaaaaaaaa'],
    [{ profile: undefined, to: '*' }, 'E_NOT_FOUND', '*'],
    [{ validation: ['nobody'] }, 'E_INVALID', 'no profile can do nobody'],
  ]
  test('is refused by its name, and nothing begins', async () => {
    const { handOver, receivers } = await given()
    for (const [input, code, message] of refused)
      await expect(handOver(input), JSON.stringify(input).slice(0, 80)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      })
    expect(await receivers()).toEqual([])
  })

  test('a commit of another branch, oneself, a task that is over, and one that has a branch of its own', async () => {
    const { handOver, sample, task, parts } = await given()
    await sample.git(['checkout', '--quiet', 'other'])
    const foreign = await sample.commit({ 'x.txt': 'x' })
    await expect(handOver({ commits: [foreign] })).rejects.toMatchObject({
      code: 'E_INVALID',
      message: expect.stringContaining(`${foreign.slice(0, 10)} is not on orch/audit`),
    })
    const to = (id: TaskId, more: object = {}) => handOver({ profile: undefined, to: id, ...more })
    await expect(to(task.id)).rejects.toMatchObject({ code: 'E_INVALID' })
    const other = await holdTask(parts, { repo: sample.path })
    await expect(to(other.task.id, { transfers: true })).rejects.toMatchObject({ code: 'E_INVALID' })
    await parts.store.tasks.cancel(other.task.id, 1, { code: 'cancelled', message: 'x' })
    await expect(to(other.task.id)).rejects.toMatchObject({ code: 'E_STATE' })
  })

  test('a file that was deleted may be named', async () => {
    const { handOver, git, commit } = await given()
    await git(['rm', '--quiet', 'old.txt'])
    await commit('Remove what is old')
    expect(await handOver({ filesRead: ['old.txt'] })).toMatchObject({ created: true })
  })

  test('one who was asked a question cannot hand it on', async () => {
    const { handOver } = await given({ proof: 'answer' })
    await expect(handOver({})).rejects.toMatchObject({ code: 'E_STATE' })
  })

  test('handing on and on ends at a depth', async () => {
    const { handOver } = await given({ depth: 3 })
    await expect(handOver({})).rejects.toMatchObject({ code: 'E_LIMIT' })
  })

  test('an agent whose attempt is over hands nothing over', async () => {
    const { handOver, parts, task, receivers } = await given()
    await parts.store.tasks.cancel(task.id, 1, { code: 'cancelled', message: 'x' })
    await expect(handOver({})).rejects.toMatchObject({ code: 'E_STALE' })
    expect(await receivers()).toEqual([])
  })
})
