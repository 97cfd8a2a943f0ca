import { expect, test } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { mailDaemon } from '../../../test/support/mail-daemon.ts'
import { gist } from '../../api/gist.ts'
import { MESSAGE_TYPES, PAYLOADS } from '../../message/message.ts'
import { send } from '../../orchestrator/bus/bus.ts'
import { senderOf } from '../../orchestrator/bus/sender.ts'

const warning = { type: 'warning', payload: { text: 'mind the gap' } }

async function withTask() {
  const daemon = await mailDaemon()
  const held = await holdTask(daemon.parts)
  const { mailboxes } = daemon.parts.store
  const { task, attempt } = held
  await mailboxes.open(
    {
      name: task.id,
      taskId: task.id,
      runId: task.runId,
      reader: attempt.agent,
      agent: attempt.agent,
      capacity: 100,
    },
    1,
  )
  return { ...daemon, ...held, mailboxes, sender: senderOf(task) }
}

test('a message of a person: durable, in the run of its receiver, once for one id, by any name of the receiver', async () => {
  const { client, task } = await withTask()
  const body = { ...warning, to: `worker-${task.id.slice(2)}-1`, id: 'mine-00001' }
  expect(await client.call('sendMessage', { body })).toEqual({
    id: 'mine-00001',
    to: [task.id],
    created: true,
  })
  expect(await client.call('sendMessage', { body })).toMatchObject({ created: false })
  await client.call('sendMessage', { body: { ...warning, to: task.id.slice(0, 8) } })
  const { messages } = await client.call('messages', {
    query: { run: task.runId, mailbox: task.id.slice(0, 8) },
  })
  expect(messages.map(({ message: { from, to, runId } }) => ({ from, to, runId }))).toEqual(
    Array(2).fill({ from: 'person', to: task.id, runId: task.runId }),
  )
  const [{ message }] = messages as [(typeof messages)[0]]
  expect(message).toMatchObject({ id: 'mine-00001', payload: { severity: 'medium' }, priority: 'normal' })
})

test.each<[string, object, string, RegExp]>([
  ['an unknown receiver', { to: 'nobody' }, 'E_NOT_FOUND', /nobody here is called nobody/],
  ['an unknown task', { to: 't-none' }, 'E_NOT_FOUND', /t-none/],
  ['no receiver', {}, 'E_INVALID', /receiver/],
  ['two receivers', { to: 'person', capability: 'x' }, 'E_INVALID', /not both/],
  ['everybody without a run', { to: '*' }, 'E_INVALID', /name a receiver/],
  ['everybody of no run', { to: '*', run: 'r-none' }, 'E_NOT_FOUND', /r-none/],
  ['an unknown type', { to: 'person', type: 'gossip' }, 'E_INVALID', /no message type gossip/],
  ['a type of JavaScript', { to: 'person', type: '__proto__' }, 'E_INVALID', /no message type/],
  ['another version', { to: 'person', version: 2 }, 'E_INVALID', /body\.version/],
  ['a wrong payload', { to: 'person', payload: { text: 1, more: 2 } }, 'E_INVALID', /text: /],
  ['a payload that is none', { to: 'person', payload: 'text' }, 'E_INVALID', /warning: /],
  ['no payload', { to: 'person', payload: undefined }, 'E_INVALID', /body\.payload/],
  ['5 MB', { to: 'person', payload: { text: 'x'.repeat(5_000_000) } }, 'E_TOO_LARGE', /5000011 bytes/],
  ['9 MB', { to: 'person', payload: { text: 'x'.repeat(9_000_000) } }, 'E_TOO_LARGE', /more than/],
  ['NUL', { to: 'person', payload: { text: 'a\0b' } }, 'E_INVALID', /no NUL/],
  [
    'an answer to nothing',
    { type: 'assistance_response', payload: { answer: 'x' }, to: 'person' },
    'E_INVALID',
    /correlationId/,
  ],
  [
    'an answer to a request that is not there',
    { type: 'assistance_response', payload: { answer: 'x' }, correlationId: 'nothing-1' },
    'E_NOT_FOUND',
    /nothing-1/,
  ],
  ['an id that is none', { to: 'person', id: 'a b' }, 'E_INVALID', /body\.id/],
  ['a capability for what asks nothing', { capability: 'x' }, 'E_INVALID', /asks for nothing/],
  ['unknown fields', { to: 'person', sender: 'root' }, 'E_INVALID', /sender/],
])('refused: %s', async (_, given, code, message) => {
  const { client, parts } = await mailDaemon()
  const body = { ...warning, ...given } as never
  await expect(client.call('sendMessage', { body })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(message),
  })
  expect(await parts.store.mailboxes.history({})).toEqual([])
})

test('nobody speaks for an agent, its task or Orch without being it', async () => {
  const { client, task, attempt } = await withTask()
  await client.call('openMailbox', { body: { name: 'builds', reader: 'one' } })
  const agent = `worker-${task.id.slice(2)}-1`
  for (const from of [task.id, 't-none', agent, 'orch'])
    await expect(
      client.call('sendMessage', { body: { ...warning, from, to: 'person' } }),
      from,
    ).rejects.toMatchObject({
      code: 'E_FORBIDDEN',
    })
  const stranger = client.call('sendMessage', { body: { ...warning, from: 'stranger', to: 'person' } })
  await expect(stranger).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
    fix: expect.stringContaining('registerAgent'),
  })
  const body = { reader: attempt.agent }
  for (const name of [task.id, agent, 'orch']) {
    const params = { name }
    const refused = [
      client.call('openMailbox', { body: { name, reader: 'x' } }),
      client.call('receive', { params, body }),
      client.call('acknowledge', { params, body: { ids: ['mine-00001'] } }),
      client.call('giveBack', { params, body: { ...body, ids: ['mine-00001'] } }),
      client.call('closeMailbox', { params, body }),
    ]
    for (const call of refused) await expect(call, name).rejects.toMatchObject({ code: 'E_FORBIDDEN' })
  }
  await expect(client.call('openMailbox', { body: { name: 'person', reader: 'x' } })).rejects.toMatchObject({
    code: 'E_FORBIDDEN',
  })
})

test('what became of a message is told, with how long each took; an answer goes to who asked', async () => {
  const { client, parts, task, attempt, sender, mailboxes } = await withTask()
  const { id } = await send(parts, sender, {
    to: 'person',
    type: 'assistance_request',
    payload: { question: 'Which port?' },
  })
  const { messages } = await client.call('peek', { params: { name: 'person' }, query: {} })
  expect(messages).toMatchObject([{ state: 'waiting', message: { from: task.id }, took: {} }])
  expect(await client.call('peek', { params: { name: task.id }, query: {} })).toEqual({
    mailbox: task.id,
    messages: [],
  })
  const wrong = {
    type: 'validation_result',
    payload: { verdict: 'approved', summary: 'x' },
    correlationId: id,
  }
  await expect(client.call('sendMessage', { body: wrong })).rejects.toMatchObject({ code: 'E_INVALID' })
  const answer = { type: 'assistance_response', payload: { answer: '8080' }, correlationId: id }
  const astray = client.call('sendMessage', { body: { ...answer, to: 'person' } })
  await expect(astray).rejects.toMatchObject({ code: 'E_FORBIDDEN' })
  const sent = await client.call('sendMessage', { body: answer })
  expect(sent.to).toEqual([task.id])
  await client.call('acknowledge', { params: { name: 'person' }, body: { ids: [id] } })
  await client.call('acknowledge', { params: { name: 'person' }, body: { ids: [id] } }) // twice is no error
  const [leased] = await mailboxes.lease({
    mailbox: task.id,
    reader: attempt.agent,
    now: parts.clock.now(),
    leaseMs: 1_000,
    limit: 1,
  })
  expect(leased?.message.payload).toMatchObject({ answer: '8080' })
  const seen = await client.call('message', { params: { id } })
  expect(seen).toMatchObject({
    state: 'acknowledged',
    answer: { id: sent.id },
    sentAt: seen.message.timestamp,
  })
  for (const ms of [seen.took.read, seen.took.answered]) expect(ms).toBeGreaterThanOrEqual(0)
  await expect(client.call('message', { params: { id: 'm-nothing' } })).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
  })
})

test('history is sieved by sender, receiver, type and state, and read on in pages from either end', async () => {
  const { client, task } = await withTask()
  const ids: string[] = []
  for (let n = 0; n < 7; n++) {
    const to = n % 2 === 0 ? task.id : 'person'
    const type = n === 6 ? 'progress_update' : 'warning'
    const payload = n === 6 ? { summary: 'x' } : { text: `${n}` }
    ids.push((await client.call('sendMessage', { body: { to, type, payload } })).id)
  }
  const found = async (query: object) =>
    (await client.call('messages', { query })).messages.map(({ message }) => ids.indexOf(message.id))
  expect(await found({})).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(await found({ to: task.id })).toEqual([0, 2, 4, 6])
  expect(await found({ to: 'person', from: 'person' })).toEqual([1, 3, 5])
  expect(await found({ from: task.id })).toEqual([])
  expect(await found({ types: 'progress_update,handoff' })).toEqual([6])
  expect(await found({ states: 'dead' })).toEqual([])
  expect(await found({ newest: 'yes', limit: 2, to: task.id })).toEqual([4, 6])
  const { messages } = await client.call('messages', { query: { limit: 3 } })
  const after = messages.at(-1)?.ordinal
  expect(await found({ after, limit: 2 })).toEqual([3, 4])
  expect(await found({ after, limit: 2, newest: 'yes' })).toEqual([0, 1].slice(-2))
  await expect(found({ types: 'gossip' })).rejects.toMatchObject({ code: 'E_INVALID' })
  await expect(found({ to: 'nobody' })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})

test('types with their schemas, and statistics', async () => {
  const { client } = await mailDaemon()
  const { version, types } = await client.call('messageTypes')
  expect(version).toBe(1)
  expect(types.map(({ type }) => type)).toEqual(MESSAGE_TYPES)
  expect(types.every(({ description, schema }) => description.length > 10 && schema.type === 'object')).toBe(
    true,
  )
  expect(types.find(({ type }) => type === 'assistance_request')?.answeredBy).toBe('assistance_response')
  await client.call('sendMessage', { body: { ...warning, to: 'person' } })
  expect(await client.call('mailStatistics')).toEqual({
    mailboxes: 1,
    states: { waiting: 1, acknowledged: 0, dead: 0, dropped: 0 },
    types: { warning: 1 },
  })
})

test('a gist is made of a field that each type has', () => {
  for (const type of MESSAGE_TYPES)
    expect(
      Object.keys(PAYLOADS[type].shape).some((field) =>
        gist({ type, payload: { [field]: 'Words' } }).endsWith('Words'),
      ),
      type,
    ).toBe(true)
  expect(gist({ type: 'warning', payload: { text: '\u001b[2Ja\nb', severity: 'high' } })).toBe('high: a b')
  expect(gist({ type: 'to-come', payload: { a: 1 } })).toBe('{"a":1}')
})
