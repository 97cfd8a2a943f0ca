import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import { childrenOf } from '../../src/orchestrator/family/children.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Task } from '../../src/task/task.ts'
import { flag, give, processes, team, types, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, taskWhen } from '../support/parts.ts'
import { lines } from '../support/scripted.ts'

/** Agents that end their turn while those work to whom they have delegated. */

const { started, reported, failed, commit, until } = lines

/** Who is made by another works by this, whatever its parent does. `fail` in its prompt: it cannot. */
const asWorker = (go: string) => [
  'if [ "$ORCH_PROFILE" = worker ]; then',
  ...[
    started(),
    'part=$(head -n 1)',
    until(go),
    `[ "$part" != fail ] || { ${failed('cannot', true)}; exit 1; }`,
  ],
  ...['echo "$part" >"$part.txt"; git add .; git commit -qm "$part"', reported('did it'), 'exit; fi'],
]

async function delegating(parts: Parts, task: Task, names: string[]) {
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  await waitUntil('its turn began', async () => (await types(parts, task)).includes('turn.started'))
  const attempt = (await parts.store.tasks.attempts(task.id)).at(-1)
  if (!attempt) throw new Error('it has no attempt')
  const tasks = names.map((name) => ({ title: `Part ${name}`, description: name, profile: 'worker' }))
  return await createAgentCalls(parts).call(parts.agentTokens.issue(attempt), 'delegate', { tasks })
}

const continued = async (parts: Parts, task: Task) =>
  (await types(parts, task)).filter((type) => type === 'agent.continued').length

it('its turn over, it waits without a place among the agents, and goes on once with all results', async () => {
  const { parts, orchestrator } = await team({ config: { maxAgents: 1, totalAgents: 1, tries: 1 } })
  const [go, work2] = [flag(), flag()]
  const turns = processes(
    [started(), commit('first'), until(go), reported()],
    [started(), commit('second'), reported('all')],
  )
  const task = await give(orchestrator, [...asWorker(work2), ...turns])
  expect(await delegating(parts, task, ['one', 'two'])).toMatchObject({
    pending: 2,
    next: expect.stringContaining('end your turn now'),
  })
  writeFileSync(go, '')
  await taskWhen(parts, task, 'waits', ({ waitingFor }) => waitingFor === 'message')
  writeFileSync(work2, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, report: { summary: 'all' } })
  expect(await continued(parts, task)).toBe(1)
  const told = work(done, 'second')
  for (const name of ['one', 'two']) {
    expect(told).toContain(`Part ${name}`)
    expect(work(done, `${name}.txt`)).toBe(`${name}\n`)
  }
  expect(told).toContain('are in your branch now')
  const mail = await parts.store.mailboxes.history({ mailbox: task.id, types: ['task_result'] })
  expect(mail.map(({ state }) => state)).toEqual(['acknowledged', 'acknowledged'])
})

it('what failed is told at once, the rest when all are done', async () => {
  const { parts, orchestrator } = await team({ config: { tries: 1 } })
  const [go, work2, bad] = [flag(), flag(), flag()]
  const turns = processes(
    [started(), commit('first'), until(go), reported()],
    [started(), commit('second'), reported()],
  )
  const worker = [...asWorker(work2)]
  worker.splice(3, 0, `[ "$part" = fail ] && { ${until(bad)}; ${failed('cannot', true)}; exit 1; }`)
  const task = await give(orchestrator, [...worker, ...turns])
  await delegating(parts, task, ['one', 'fail'])
  writeFileSync(go, '')
  await taskWhen(parts, task, 'waits', ({ waitingFor }) => waitingFor === 'message')
  writeFileSync(bad, '')
  await waitUntil('it went on', async () => (await continued(parts, task)) === 1)
  writeFileSync(work2, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1 })
  expect(await continued(parts, task)).toBe(2)
  const told = work(done, 'second')
  expect(told.indexOf('has failed for good')).toBeGreaterThan(0)
  expect(told.indexOf('are in your branch now')).toBeGreaterThan(told.indexOf('has failed for good'))
})

it('the next attempt knows what the one before has delegated, and what came of it', async () => {
  const { parts, orchestrator } = await team({ config: { backoffSeconds: 0 } })
  const [go, work2] = [flag(), flag()]
  writeFileSync(work2, '')
  const turns = processes(
    [started(), commit('first'), until(go), failed('broken')],
    [started(), commit('second'), reported()],
  )
  const task = await give(orchestrator, [...asWorker(work2), ...turns], { tries: 2 })
  await delegating(parts, task, ['one'])
  const [child] = await childrenOf(parts, task)
  await ended(parts, child as Task)
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
  expect(work(done, 'second')).toContain(
    `- ${child?.id} (Part one; worker): accepted; bring it in: git merge`,
  )
  expect(work(done, 'one.txt')).toBe('one\n')
})

it('who resolves no conflict is not done: the proof says whose work is missing', async () => {
  const { parts, orchestrator } = await team()
  const [go, work2] = [flag(), flag()]
  writeFileSync(work2, '')
  const mine = 'echo mine >one.txt; git add .; git commit -qm mine >&2'
  const task = await give(orchestrator, [...asWorker(work2), started(), until(go), mine, reported()])
  await delegating(parts, task, ['one'])
  const [child] = await childrenOf(parts, task)
  await ended(parts, child as Task)
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'dead', reason: { code: 'children-unmerged' } })
  expect(done.reason?.message).toContain(child?.spec.branch)
  expect(work(done, 'one.txt')).toBe('mine\n')
})
