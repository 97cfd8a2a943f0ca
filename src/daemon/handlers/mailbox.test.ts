import { expect, test } from 'vitest'
import { holdTask } from '../../../test/support/held-task.ts'
import { mailDaemon } from '../../../test/support/mail-daemon.ts'
import { until } from '../../../test/support/orch.ts'

async function withProgram() {
  const daemon = await mailDaemon()
  const { client } = daemon
  const params = { name: 'builds' }
  await client.call('openMailbox', {
    body: { name: 'builds', reader: 'one', capabilities: ['build'], topics: ['ci'] },
  })
  const send = (text: string, to = 'builds') =>
    client.call('sendMessage', { body: { to, type: 'warning', payload: { text } } })
  const receive = async (more: object = {}, signal?: AbortSignal) => {
    const body = { reader: 'one', ...more }
    const { messages } = await client.call('receive', { params, body }, signal ? { signal } : {})
    return messages
  }
  const texts = async (more: object = {}) => (await receive(more)).map(({ message }) => message.payload.text)
  return { ...daemon, params, send, receive, texts }
}

test('a message costs one request: what was read before is acknowledged with it', async () => {
  const { client, params, send, receive, texts } = await withProgram()
  for (const text of ['1', '2', '3']) await send(text)
  const [first] = await receive()
  expect(first).toMatchObject({
    message: { payload: { text: '1' } },
    state: 'waiting',
    deliveredAt: expect.any(String),
  })
  expect(await texts({ acknowledge: [first?.message.id], limit: 10 })).toEqual(['2', '3'])
  expect(await texts()).toEqual([])
  expect(await texts({ again: true, limit: 10 })).toEqual(['2', '3'])
  const { messages } = await client.call('peek', { params, query: {} })
  expect(messages.map(({ message }) => message.payload.text)).toEqual(['2', '3'])
})

test('it waits for a message, for no longer than was said, and until the caller is gone', async () => {
  const { parts, send, receive, texts } = await withProgram()
  const begin = Date.now()
  expect(await texts({ waitMs: 50 })).toEqual([])
  expect(Date.now() - begin).toBeGreaterThanOrEqual(45)
  const waiting = texts({ waitMs: 30_000 })
  await send('now')
  expect(await waiting).toEqual(['now'])

  const listening = { open: 0 }
  const { mailboxes } = parts.store
  const { onArrival } = mailboxes
  Object.assign(mailboxes, {
    onArrival(listener: Parameters<typeof onArrival>[0]) {
      listening.open += 1
      const stop = onArrival(listener)
      return () => {
        listening.open -= 1
        stop()
      }
    },
  })
  const gone = new AbortController()
  const left = receive({ waitMs: 30_000 }, gone.signal)
  await until('it listens', () => listening.open === 1)
  gone.abort()
  await expect(left).rejects.toMatchObject({ code: 'E_DAEMON' })
  await until('nobody listens any more', () => listening.open === 0, 25_000) // before its time is over
  await send('for who comes later')
  expect(await texts()).toEqual(['for who comes later'])
})

test('what waits is answered when the daemon ends', async () => {
  const { texts, close } = await withProgram()
  const waiting = texts({ waitMs: 30_000 }).catch((error) => error.code)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await close()
  expect(['E_DAEMON', []]).toContainEqual(await waiting)
})

test('given back it comes again, later ones of its sender behind it; after its tries it is a dead letter', async () => {
  const { client, parts, params, send, receive } = await withProgram()
  Object.assign(parts.config, { messageTries: 2 })
  const { id } = await send('1')
  const give = () =>
    client.call('giveBack', { params, body: { reader: 'one', ids: [id], why: 'not\u0007 now' } })
  expect(await receive()).toHaveLength(1)
  await give()
  expect(await client.call('message', { params: { id } })).toMatchObject({
    state: 'waiting',
    reason: { code: 'returned' },
    notBefore: expect.any(String),
    message: { retryCount: 1 },
  })
  const [again] = await receive({ waitMs: 5_000 })
  expect(again?.message.id).toBe(id)
  await give()
  const dead = await client.call('message', { params: { id } })
  expect(dead).toMatchObject({ state: 'dead', reason: { code: 'undeliverable' } })
})

test('another process takes a mailbox over; the one before is refused and loses nothing', async () => {
  const { client, params, send, receive } = await withProgram()
  await send('1')
  expect(await receive()).toHaveLength(1)
  await client.call('openMailbox', { body: { name: 'builds', reader: 'two' } })
  await expect(receive()).rejects.toMatchObject({ code: 'E_STALE' })
  await expect(client.call('closeMailbox', { params, body: { reader: 'one' } })).rejects.toMatchObject({
    code: 'E_STALE',
  })
  const { messages } = await client.call('receive', { params, body: { reader: 'two' } })
  expect(messages).toMatchObject([{ message: { payload: { text: '1' }, retryCount: 0 } }])
  await client.call('closeMailbox', { params, body: { reader: 'two' } })
  expect(await client.call('message', { params: { id: messages[0]!.message.id } })).toMatchObject({
    state: 'dead',
  })
  await expect(send('2')).rejects.toMatchObject({ code: 'E_STATE' })
  await expect(receive()).rejects.toBeDefined()
  const none = { params: { name: 'nobody' }, body: { reader: 'one' } }
  for (const verb of ['receive', 'closeMailbox'] as const)
    await expect(client.call(verb, none)).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
})

test('who can do something is found, and the least busy is asked', async () => {
  const { client, parts } = await withProgram()
  for (const name of ['free', 'busy'])
    await client.call('openMailbox', { body: { name, reader: name, capabilities: ['sql'] } })
  const ask = (more: object = {}) =>
    client.call('sendMessage', {
      body: { type: 'assistance_request', payload: { question: 'Which index?' }, ...more } as never,
    })
  const to = await ask({ to: 'busy' })
  expect((await ask({ capability: 'sql', id: 'again-001' })).to).toEqual(['free'])
  await ask({ to: 'free' })
  expect(await ask({ capability: 'sql', id: 'again-001' })).toMatchObject({ to: ['free'], created: false })
  const { mailboxes } = await client.call('mailboxes', { query: { capability: 'sql' } })
  expect(
    mailboxes.map(({ name, openRequests, waiting }) => [name, openRequests, waiting.direct]).sort(),
  ).toEqual([
    ['busy', 1, 1],
    ['free', 2, 2],
  ])
  const answer = {
    type: 'assistance_response',
    payload: { answer: 'b' },
    correlationId: to.id,
    from: 'busy',
  } as const
  await client.call('sendMessage', { body: answer })
  expect((await ask({ capability: 'sql' })).to).toEqual(['busy'])
  await expect(ask({ capability: 'cooking' })).rejects.toMatchObject({
    code: 'E_NOT_FOUND',
    fix: expect.stringContaining('Start a run'),
  })
  await expect(ask({ capability: 'sql', from: 'free', id: 'mine-0001' })).resolves.toMatchObject({
    to: ['busy'],
  })
  expect((await client.call('mailboxes', { query: { topic: 'ci' } })).mailboxes).toMatchObject([
    { name: 'builds' },
  ])
  const { task } = await holdTask(parts)
  expect((await client.call('mailboxes', { query: { run: task.runId } })).mailboxes).toEqual([])
})

test('an answer is waited for; a request that died tells why', async () => {
  const { client } = await withProgram()
  const ask = (more: object = {}) =>
    client.call('sendMessage', {
      body: {
        to: 'builds',
        type: 'assistance_request',
        payload: { question: 'Is it green?' },
        ...more,
      } as never,
    })
  const response = (id: string, waitMs = 0) =>
    client.call('response', { params: { id }, query: { mailbox: 'person', waitMs } })
  await expect(response('nothing-1')).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  const { id } = await ask()
  expect(await response(id)).toEqual({})
  const waiting = response(id, 30_000)
  const answer = {
    from: 'builds',
    type: 'assistance_response',
    payload: { answer: 'yes' },
    correlationId: id,
  } as const
  await client.call('sendMessage', { body: answer })
  expect(await waiting).toMatchObject({
    response: { message: { payload: { answer: 'yes' }, from: 'builds' } },
  })
  const short = await ask({ ttlMs: 1 })
  await until('it is over', async () => (await response(short.id)).dead?.code === 'expired')
  const left = await ask()
  await client.call('closeMailbox', { params: { name: 'builds' }, body: { reader: 'one' } })
  expect((await response(left.id)).dead).toMatchObject({ code: 'receiver-gone' })
})

test('one topic, those who subscribed; a mailbox that is full says so', async () => {
  const { client, parts, send, texts } = await withProgram()
  const sent = await send('red', '#ci')
  expect(sent.to).toEqual(['builds'])
  expect(await texts()).toEqual(['red'])
  await expect(send('x', '#Not A Topic')).rejects.toMatchObject({ code: 'E_INVALID' })
  Object.assign(parts.config, { mailboxSize: 1 })
  await client.call('openMailbox', { body: { name: 'small', reader: 'one' } })
  await send('fits', 'small')
  await expect(send('does not', 'small')).rejects.toMatchObject({ code: 'E_MAILBOX_FULL' })
})
