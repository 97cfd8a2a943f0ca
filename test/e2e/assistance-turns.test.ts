import { writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createAgentCalls } from '../../src/orchestrator/agent-tools/call.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Task } from '../../src/task/task.ts'
import { flag, give, processes, team, types, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, taskWhen } from '../support/parts.ts'
import { lines } from '../support/scripted.ts'

/** Agents that ask and end their turn: they wait as tasks, and go on with what comes. The tests make their calls. */

const { started, reported, commit, until } = lines

/** Makes a call for the agent that holds the task. */
async function callAs(parts: Parts, { id }: Task, name: string, input: object) {
  const attempt = (await parts.store.tasks.attempts(id)).at(-1)
  if (!attempt) throw new Error(`${id} has no attempt`)
  return await createAgentCalls(parts).call(parts.agentTokens.issue(attempt), name, input)
}

const turns = async (parts: Parts, task: Task) =>
  (await types(parts, task)).filter((type) => type === 'turn.started').length
const inTurn = (parts: Parts, task: Task, nth: number) =>
  waitUntil(`turn ${nth} of ${task.id}`, async () => (await turns(parts, task)) === nth)
const waits = (parts: Parts, task: Task) =>
  taskWhen(parts, task, 'waits for a message', ({ waitingFor }) => waitingFor === 'message')
const made = (parts: Parts, by: Task) =>
  waitUntil('an expert was started', async () => (await parts.store.tasks.list({ parent: by.id }))[0])

it('who asks and ends its turn is woken by a question of whom it asked, then by the answer', async () => {
  const { parts, orchestrator } = await team()
  const [one, two, expertGo] = [flag(), flag(), flag()]
  const expertTurns = `if [ "$ORCH_PROFILE" = database-optimizer ]; then ${processes(
    [started(), until(expertGo), reported('asked back')],
    [started(), reported('done')],
  ).join('\n')}\nexit; fi`
  const task = await give(orchestrator, [
    expertTurns,
    ...processes(
      [started(), until(one), 'echo 1 >first', reported('I asked')],
      [started(), 'cat >question', until(two), reported('I answered')],
      [started(), commit('answer'), reported('done')],
    ),
  ])
  await inTurn(parts, task, 1)
  const asked = await callAs(parts, task, 'request_assistance', {
    question: 'Which index?',
    capability: 'sql',
    wait: 0,
  })
  expect(asked).toMatchObject({ started: true, answered: false })
  writeFileSync(one, '')
  await waits(parts, task)
  const expert = await made(parts, task)
  await inTurn(parts, expert, 1)
  const question = { question: 'Of which table?', capability: 'general', wait: 0 }
  const back = await callAs(parts, expert, 'request_assistance', question)
  expect(back).toMatchObject({ started: false, to: expect.stringContaining(task.id.slice(2)) })
  await inTurn(parts, task, 2)
  writeFileSync(expertGo, '')
  await waits(parts, expert)
  await callAs(parts, task, 'answer', { request: back.request, text: 'Of the users' })
  await inTurn(parts, expert, 2)
  writeFileSync(two, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, report: { summary: 'done' } })
  expect(work(done, 'question')).toContain('> question: Of which table?')
  expect(work(done, 'question')).toContain(`orch agent answer --request ${back.request}`)
  expect(work(done, 'answer')).toContain('> answer: done')
  expect(await ended(parts, expert)).toMatchObject({ state: 'accepted', epoch: 1 })
  const all = await parts.store.mailboxes.history({ runId: task.runId })
  expect(all.map(({ state }) => state)).toEqual(all.map(() => 'acknowledged'))
})

it('who asks one that dies goes on with the news', async () => {
  const { parts, orchestrator } = await team()
  const [one, dies] = [flag(), flag()]
  const task = await give(orchestrator, [
    `if [ "$ORCH_PROFILE" = reviewer ]; then ${started()}; ${until(dies)}; exit 3; fi`,
    ...processes(
      [started(), until(one), reported('I asked')],
      [started(), commit('answer'), reported('done')],
    ),
  ])
  await inTurn(parts, task, 1)
  await callAs(parts, task, 'request_validation', { what: 'All of it', capability: 'reviewer', wait: 0 })
  writeFileSync(one, '')
  await waits(parts, task)
  writeFileSync(dies, '')
  const done = await ended(parts, task)
  expect(done.state).toBe('accepted')
  expect(work(done, 'answer')).toContain('says nothing about the work')
  expect(await ended(parts, await made(parts, task))).toMatchObject({ state: 'dead', used: 2 })
})
