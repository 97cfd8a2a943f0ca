import { expect, test } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { mailDaemon } from '../../../test/support/mail-daemon.ts'
import { REASON } from '../../../test/support/store.ts'
import { historyOf } from '../../orchestrator/attempt/launch.ts'

async function withDead() {
  const daemon = await mailDaemon()
  const { client, parts } = daemon
  await client.call('openMailbox', { body: { name: 'gone', reader: 'one' } })
  const ids: string[] = []
  for (const text of ['1', '2']) {
    const body = { to: 'gone', type: 'warning', payload: { text } }
    ids.push((await client.call('sendMessage', { body })).id)
  }
  await client.call('closeMailbox', { params: { name: 'gone' }, body: { reader: 'one' } })
  const { task, fence } = await holdTask(parts, { title: 'Port\u001b[2J the tests' })
  await parts.store.tasks.fail(fence, 2, { reason: REASON, retryAt: 2, final: true })
  return { ...daemon, ids: ids as [string, string], task }
}

test('messages and tasks, grouped by what they died of', async () => {
  const { client, ids, task } = await withDead()
  const { groups, letters } = await client.call('deadLetters', { query: {} })
  expect(groups).toEqual([
    expect.objectContaining({
      what: 'message',
      code: 'receiver-gone',
      type: 'warning',
      to: 'gone',
      count: 2,
    }),
    expect.objectContaining({ what: 'task', code: 'agent-failed', type: 'task', to: 'general', count: 1 }),
  ])
  expect(letters.map(({ id }) => id).sort()).toEqual([...ids, task.id].sort())
  expect(letters.find(({ what }) => what === 'task')).toMatchObject({
    about: 'Port the tests',
    runId: task.runId,
  })
  const some = async (query: object) =>
    (await client.call('deadLetters', { query })).letters.map(({ id }) => id)
  expect(await some({ what: 'task' })).toEqual([task.id])
  expect((await some({ reason: 'receiver-gone', to: 'gone', type: 'warning' })).sort()).toEqual(
    [...ids].sort(),
  )
  expect(await some({ reason: 'undeliverable' })).toEqual([])
  expect(await client.call('deadLetter', { params: { id: ids[0] } })).toMatchObject({
    what: 'message',
    delivery: { state: 'dead', message: { payload: { text: '1' } } },
  })
  expect(await client.call('deadLetter', { params: { id: task.id.slice(0, 9) } })).toMatchObject({
    what: 'task',
    task: { id: task.id, state: 'dead' },
  })
})

test('a message is corrected, checked by its schema, and redriven to its receiver', async () => {
  const { client, ids, task } = await withDead()
  const [first, second] = ids
  const edit = (id: string, body: object) => client.call('editDeadLetter', { params: { id }, body })
  const refused: [string, object, string][] = [
    [first, { payload: { words: 'x' } }, 'E_INVALID'],
    [first, { payload: { text: 'x'.repeat(300_000) } }, 'E_TOO_LARGE'],
    [first, { to: 'nobody' }, 'E_NOT_FOUND'],
    [first, { to: '#ci' }, 'E_INVALID'],
    [first, { word: 'x' }, 'E_INVALID'],
    [first, {}, 'E_INVALID'],
    [task.id, { to: 'person' }, 'E_INVALID'],
    [task.id, {}, 'E_INVALID'],
    ['m-nothing', { to: 'person' }, 'E_NOT_FOUND'],
  ]
  for (const [id, body, code] of refused)
    await expect(edit(id, body), JSON.stringify(body).slice(0, 80)).rejects.toMatchObject({ code })
  expect(await edit(first, { payload: { text: 'better' }, to: 'person' })).toMatchObject({
    to: 'person',
    delivery: { state: 'dead', message: { payload: { text: 'better', severity: 'medium' } } },
  })
  const outcome = await client.call('redriveDeadLetters', {
    body: { ids: [first, second, first, 'm-nothing'] },
  })
  expect(outcome).toMatchObject({
    done: [first],
    failures: [
      { id: second, error: { code: 'E_STATE' } },
      { id: 'm-nothing', error: { code: 'E_NOT_FOUND' } },
    ],
  })
  const { messages } = await client.call('peek', { params: { name: 'person' }, query: {} })
  expect(messages.map(({ message }) => message.payload.text)).toEqual(['better'])
  await expect(edit(first, { to: 'person' })).rejects.toMatchObject({ code: 'E_STATE' })
})

test('a task gets a word for its next attempt, and its tries again', async () => {
  const { client, parts, task } = await withDead()
  const word = 'Use the test database'
  expect(await client.call('editDeadLetter', { params: { id: task.id }, body: { word } })).toMatchObject({
    what: 'task',
  })
  const { done } = await client.call('redriveDeadLetters', { body: { ids: [task.id] } })
  expect(done).toEqual([task.id])
  const now = parts.clock.now()
  const claimed = await parts.store.tasks.claim({ host: 'here', now, leaseMs: 1_000, agent: () => 'next-2' })
  expect(claimed?.task).toMatchObject({ id: task.id, used: 0, epoch: 2 })
  expect((await historyOf(parts, claimed!.task)).said).toEqual([word])
  const late = client.call('editDeadLetter', { params: { id: task.id }, body: { word } })
  await expect(late).rejects.toMatchObject({ code: 'E_STATE' })
})

test('dropped is dropped: a message for good, a task as cancelled', async () => {
  const { client, parts, ids, task } = await withDead()
  const { done, failures } = await client.call('dropDeadLetters', { body: { ids: [...ids, task.id] } })
  expect({ done, failures }).toEqual({ done: [...ids, task.id], failures: [] })
  expect((await client.call('deadLetters', { query: {} })).letters).toEqual([])
  expect((await parts.store.tasks.get(task.id))?.state).toBe('cancelled')
  expect(await client.call('message', { params: { id: ids[0] } })).toMatchObject({ state: 'dropped' })
})
