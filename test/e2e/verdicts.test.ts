import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { type SendOrder, send } from '../../src/orchestrator/bus/bus.ts'
import { senderOf } from '../../src/orchestrator/bus/sender.ts'
import { spawnTasks } from '../../src/orchestrator/family/spawn.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import { type Task, workOf } from '../../src/task/task.ts'
import { flag, give, processes, team, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, taskWhen } from '../support/parts.ts'
import { lines } from '../support/scripted.ts'

/** Proof that is not a pull request alone: answers, and verdicts of others. The tests speak for who is asked. */

const { started, reported, commit, until } = lines
const made = (parts: Parts, by: Task, nth = 0) =>
  waitUntil('a task was made', async () => (await parts.store.tasks.list({ parent: by.id })).reverse()[nth])
const isWorking = (parts: Parts, task: Task) =>
  taskWhen(parts, task, 'works', ({ state }) => state === 'working')
const answer = (parts: Parts, from: Task, to: Task, order: Omit<SendOrder, 'to'>) =>
  send(parts, senderOf(from), { to: to.id, correlationId: from.spec.origin?.message ?? '', ...order })
const refusal = {
  verdict: 'refused',
  summary: 'not safe',
  findings: [
    { title: 'SQL injection', severity: 'high', description: 'the name is not quoted', file: 'work.txt' },
  ],
} as const
/** Who works commits, who judges waits until it may go on: a file with its name says so. */
const script = (may: string, ...works: string[][]) => [
  `if [ "$ORCH_PROFILE" = reviewer ]; then ${started()}; ${until(`${may}.$ORCH_TASK`)}; ${reported('judged')}; exit; fi`,
  ...processes(...works),
]
const goOn = (may: string, { id }: Task) => writeFileSync(`${may}.${id}`, '')
const once = [started(), commit('work.txt'), reported()]

it('a task is proven when those whom it asks have approved its commit', async () => {
  const { parts, orchestrator } = await team({ config: { maxAgents: 1 } })
  const may = flag()
  const task = await give(orchestrator, script(may, once), { validate: ['reviewer'] })
  const judge = await made(parts, task)
  expect(judge.spec).toMatchObject({ profile: 'reviewer', proof: 'answer', depth: 1 })
  await isWorking(parts, judge)
  const payload = { verdict: 'approved', summary: 'good' } as const
  const { id } = await answer(parts, judge, task, { type: 'validation_result', payload })
  goOn(may, judge)
  const done = await ended(parts, task)
  expect(workOf(done.proof)).toMatchObject({ validations: [{ profile: 'reviewer', message: id }] })
  expect(await ended(parts, judge)).toMatchObject({ state: 'accepted', proof: { answer: id } })
  expect(await parts.store.mailboxes.history({ states: ['waiting', 'dead'] })).toEqual([])
})

it('a refusal is the reason of the failed attempt; the next one is judged anew', async () => {
  const { parts, orchestrator } = await team()
  const may = flag()
  const again = [started(), 'cat >again.txt; git add .; git commit -qm again', reported()]
  const task = await give(orchestrator, script(may, once, again), { validate: ['reviewer'], tries: 2 })
  const first = await made(parts, task)
  await isWorking(parts, first)
  await answer(parts, first, task, { type: 'validation_result', payload: refusal })
  goOn(may, first)
  const second = await made(parts, task, 1)
  await isWorking(parts, second)
  const payload = { verdict: 'approved', summary: 'better' } as const
  await answer(parts, second, task, { type: 'validation_result', payload })
  goOn(may, second)
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2 })
  expect(work(done, 'again.txt')).toContain('> - high: SQL injection (work.txt)')
  const [before] = await parts.store.tasks.attempts(task.id)
  expect(before?.reason?.code).toBe('validation-refused')
})

it('who was to judge and gave no verdict has not done its task, and the work is not proven', async () => {
  const { parts, orchestrator } = await team()
  const may = flag()
  const task = await give(orchestrator, script(may, once), { validate: ['reviewer'] })
  const judge = await made(parts, task)
  goOn(may, judge)
  expect(await ended(parts, judge)).toMatchObject({ state: 'dead', reason: { code: 'no-answer' } })
  expect(await ended(parts, task)).toMatchObject({ state: 'dead', reason: { code: 'validation-failed' } })
})

async function asked(parts: Parts, task: Task, id: string): Promise<Task> {
  const fence = { taskId: task.id, epoch: 1, host: parts.host }
  const origin = { kind: 'assistance', message: id } as const
  const order = {
    description: 'Which port?',
    profile: 'reviewer',
    proof: 'answer',
    origin,
    tries: 1,
  } as const
  const { tasks } = await spawnTasks(parts, { task, fence }, id, [order])
  const request = { type: 'assistance_request', payload: { question: 'Which port?' }, id } as const
  await send(parts, senderOf(task), { to: tasks[0]!.id, ...request })
  return tasks[0]!
}

it('the last words of who was asked are its answer, and need no commit', async () => {
  const { parts, orchestrator } = await team()
  const go = flag() // before the report: with that the agent may be ended
  const works = processes([started(), until(go), reported('waits')], [started(), commit('told'), reported()])
  const head = `if [ "$ORCH_PROFILE" = reviewer ]; then ${started()}; touch ${go}; ${reported('Port 8080')}; exit; fi`
  const task = await give(orchestrator, [head, ...works])
  await isWorking(parts, task)
  const expert = await asked(parts, task, 'm-question-1')
  expect(await ended(parts, expert)).toMatchObject({
    state: 'accepted',
    proof: { answer: expect.any(String) },
  })
  const done = await ended(parts, task)
  expect(work(done, 'told')).toContain('Port 8080')
  expect(await parts.store.mailboxes.get('m-question-1')).toMatchObject({ state: 'acknowledged', answer: {} })
})
