import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TaskDetail } from '../../src/api/contract.ts'
import { AgentHandoffSystem } from '../../src/api/handoff-system.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Work that moves from agent to agent, in real agents of a real daemon. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const program = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')]

async function begin(...orders: object[]) {
  const meet = temporaryDirectory('orch-meet')
  const repository = await makeRepository()
  const lines = orders.map((order) => JSON.stringify(order)).join('\n')
  const argv = [agent('hands-over'), meet, lines, ...program]
  const run = await orch.submit(repository.path, [
    { driver: 'command', argv, description: 'Look for weaknesses', tries: 1 },
  ])
  const sender = run.tasks[0]!.id
  const seen = (name: string) => until(`the agent says ${name}`, () => existsSync(join(meet, name)))
  const tell = (name: string) => writeFileSync(join(meet, name), '')
  const read = (name: string) => readFileSync(join(meet, name), 'utf8')
  /** The sender first, then each receiver. */
  const ended = async (many: number): Promise<TaskDetail[]> => {
    const all = () => orch.client.call('run', { params: { id: run.id } })
    await until('the receivers are there', async () => (await all()).tasks.length === many)
    return (await orch.finished(run.id)).toSorted((a, b) => (a.createdAt < b.createdAt ? -1 : 1))
  }
  const subjects = async (branch: string) =>
    (await repository.git(['log', '--format=%s', `main..${branch}`])).split('\n')
  return { meet, run, sender, seen, tell, read, ended, subjects, repository }
}

const toWorker = {
  goal: 'Mend what was found',
  profile: 'worker',
  urgency: 'high',
  nextActions: ['write a failing test first'],
  warnings: ['mind the gap'],
}
const system = () => new AgentHandoffSystem(orch.client)

test('the receiver begins with the commits of the sender, and its pull request brings both', async () => {
  const { run, sender, seen, tell, read, ended, subjects } = await begin(toWorker)
  await seen('dirty')
  const early = system().initiateHandoff(sender, { goal: 'Too early', profile: 'worker' })
  await expect(early).rejects.toMatchObject({
    code: 'E_STATE',
    message: expect.stringContaining('commit first: found.txt'),
  })
  tell('commit')
  tell('go')
  const [first, second] = await ended(2)
  expect(first).toMatchObject({ id: sender, state: 'accepted', handedTo: [second?.id] })
  expect(first?.pullRequest).toBeUndefined()
  expect(second).toMatchObject({
    state: 'accepted',
    profile: 'worker',
    parent: sender,
    origin: 'handoff',
    proof: { commits: 2, filesChanged: ['found.txt', 'worker.txt'] },
  })
  expect(await subjects(second!.branch)).toEqual(['Work of worker', 'Add what was found'])
  const prompt = read('worker.prompt')
  expect(prompt.match(/> Mend what was found/g)).toHaveLength(1)
  expect(prompt).toContain('> - write a failing test first')
  expect(JSON.parse(read('answers'))).toMatchObject({ answer: { task: second?.id, created: true } })
  const [handed] = await system().getHandoffHistory({ run: run.id })
  expect(handed).toMatchObject({
    from: sender,
    to: second?.id,
    urgency: 'high',
    transfers: true,
    state: 'acknowledged',
    receiver: { state: 'accepted' },
  })
  const received = await system().receiveHandoff(second!.id)
  expect(received.package).toMatchObject({
    context: {
      task: { id: sender, description: 'Look for weaknesses' },
      commits: [{ subject: 'Add what was found' }],
      filesModified: ['found.txt'],
      warnings: ['mind the gap'],
    },
  })
  expect(prompt).toContain(received.prompt)
  const dead = await orch.client.call('messages', { query: { run: run.id, states: 'dead' } })
  expect(dead.messages).toEqual([])
})

test('to two in parallel, while the daemon is killed before and after', async () => {
  const toWriter = { goal: 'Document it', capability: 'documentation' }
  const { sender, run, seen, tell, ended, subjects } = await begin(toWorker, toWriter, toWorker)
  tell('commit')
  await seen('committed')
  await orch.crash(async () => tell('go'))
  await until('somebody got it', async () => (await system().getHandoffHistory({ task: sender })).length > 0)
  await orch.crash()
  const [first, ...receivers] = await ended(3)
  expect(first).toMatchObject({ state: 'accepted', handedTo: receivers.map(({ id }) => id) })
  expect(receivers.map(({ profile }) => profile).toSorted()).toEqual(['docs-writer', 'worker'])
  for (const { state, branch, profile } of receivers) {
    expect(state).toBe('accepted')
    expect(await subjects(branch)).toEqual([`Work of ${profile}`, 'Add what was found'])
  }
  const history = await system().getHandoffHistory({ run: run.id })
  expect(history.map(({ state, to }) => [state, to])).toEqual(receivers.map(({ id }) => ['acknowledged', id]))
}, 120_000)

test('a program hands over for the agent at work; whose receiver was cancelled brings its own pull request', async () => {
  const { sender, seen, tell, ended, repository } = await begin()
  tell('commit')
  await seen('committed')
  tell('hold')
  const made = await system().initiateHandoff(sender, {
    goal: 'Go on',
    profile: 'worker',
    id: 'by-a-program',
  })
  expect(made).toMatchObject({ created: true, from: sender, commit: await head(repository.git, made.branch) })
  const again = system().initiateHandoff(sender, { goal: 'Go on', profile: 'worker', id: 'by-a-program' })
  expect(await again).toMatchObject({ created: false, to: made.to })
  await orch.client.call('cancel', { params: { id: made.to } })
  tell('go')
  const [first] = await ended(2)
  expect(first).toMatchObject({ state: 'accepted', proof: { commits: 1, filesChanged: ['found.txt'] } })
  await expect(system().initiateHandoff(sender, { goal: 'x', profile: 'worker' })).rejects.toMatchObject({
    code: 'E_STATE',
  })
  await expect(system().receiveHandoff(sender)).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})

const head = (git: (args: string[]) => Promise<string>, branch: string) => git(['rev-parse', branch])
