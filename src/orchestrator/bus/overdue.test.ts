import { expect, test } from 'vitest'
import { acceptWith, buryTask } from '../../../test/support/family.ts'
import { team } from '../../../test/support/team.ts'
import { systemClock } from '../../clock.ts'
import { answerOverdue, openRequests, requestsOf } from './overdue.ts'
import { ask } from './route.ts'

const question = { type: 'assistance_request', payload: { question: 'Which index?' } } as const
const judging = { type: 'validation_request', payload: { what: 'All of it' } } as const
const id = 'm-question0001'

async function given() {
  const time = { passed: 0 }
  const clock = { ...systemClock, now: () => Date.now() + time.passed }
  const made = await team({ clock })
  const answers = async () => (await made.first.call('read_inbox')).messages
  return { ...made, time, answers }
}

test('what nobody answers in time is answered by Orch, once', async () => {
  const { parts, first, join, time, answers } = await given()
  const silent = await join('database-optimizer')
  await ask(parts, first, { ...question, id, to: silent.task.id })
  await answerOverdue(parts)
  expect(await answers()).toEqual([])
  expect(await openRequests(parts, first.task.id)).toHaveLength(1)
  time.passed = 60 * 60_000 + 1
  expect(await openRequests(parts, first.task.id)).toHaveLength(1)
  await Promise.all([answerOverdue(parts), answerOverdue(parts)])
  await answerOverdue(parts)
  expect(await answers()).toMatchObject([
    {
      type: 'assistance_response',
      from: 'orch',
      correlationId: id,
      payload: { status: 'timed-out', answer: expect.stringContaining('did not answer in time') },
    },
  ])
  expect(await openRequests(parts, first.task.id)).toEqual([])
  await expect(silent.call('answer', { request: id, text: 'This one' })).rejects.toMatchObject({
    code: 'E_STATE',
  })
})

test('a verdict that nobody gives is a refusal that says so', async () => {
  const { parts, first, join, time, answers } = await given()
  const silent = await join('reviewer')
  await ask(parts, first, { ...judging, id, to: silent.task.id })
  time.passed = 61 * 60_000
  await answerOverdue(parts)
  expect(await answers()).toMatchObject([
    {
      type: 'validation_result',
      payload: { verdict: 'refused', summary: expect.stringContaining('says nothing about the work') },
    },
  ])
})

test('who was asked and has ended answers no more: unread, and read', async () => {
  const { parts, first, join, answers } = await given()
  const [dead, done] = [await join('database-optimizer'), await join('reviewer')]
  await ask(parts, first, { ...question, id, to: dead.task.id })
  await ask(parts, first, { ...judging, id: 'm-question0002', to: done.task.id })
  await done.call('read_inbox', {})
  await done.call('read_inbox', { acknowledge: ['m-question0002'] })
  await answerOverdue(parts)
  expect(await answers()).toEqual([])
  await buryTask(parts, dead)
  await acceptWith(parts, done, { 'x.txt': 'x' })
  await answerOverdue(parts)
  const found = await answers()
  expect(found).toMatchObject([{ correlationId: id }, { correlationId: 'm-question0002' }])
  expect(JSON.stringify(found)).toMatch(/did not reach.*is accepted and has not answered/)
})

test('an asker that is gone is no reason to fail, nor to keep others waiting', async () => {
  const { parts, first, join, time, answers } = await given()
  const [asker, silent] = [await join('worker'), await join('reviewer')]
  await ask(parts, asker, { ...question, id: 'm-question0003', to: silent.task.id })
  await ask(parts, first, { ...question, id, to: silent.task.id })
  await buryTask(parts, asker)
  time.passed = 61 * 60_000
  await answerOverdue(parts)
  expect(await answers()).toMatchObject([{ correlationId: id }])
})

test('what somebody has asked who has ended is not looked at for ever, nor is an answer to it wanted', async () => {
  const { parts, first, join } = await given()
  const asker = await join('worker')
  await ask(parts, asker, { ...question, id, to: first.task.id })
  await answerOverdue(parts)
  expect(await requestsOf(parts, first.task.id)).toHaveLength(1)
  await buryTask(parts, asker)
  await answerOverdue(parts)
  expect(await requestsOf(parts, first.task.id)).toEqual([])
  const { mailboxes } = parts.store
  expect(await mailboxes.history({ unanswered: true })).toEqual([])
  const [answer] = await mailboxes.history({ correlationId: id, types: ['assistance_response'] })
  expect(answer).toMatchObject({ state: 'dropped', message: { from: 'orch', to: asker.task.id } })
  await expect(first.call('answer', { request: id, text: 'This one' })).rejects.toMatchObject({
    code: 'E_STATE',
  })
})
