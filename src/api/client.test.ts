import { createServer, type RequestListener, type Server } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { exec } from '../exec.ts'
import { createClient } from './client.ts'
import type { EventView } from './views.ts'

async function listen(listener: RequestListener, socketPath = join(temporaryDirectory(), 's')) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(socketPath, resolve))
  const end = () => stop(server)
  onTestFinished(end)
  const client = createClient({ socketPath })
  onTestFinished(() => client.close())
  return { client, socketPath, server, end }
}
const stop = (server: Server) =>
  new Promise<void>((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })

test('sends path, query and body, each escaped', async () => {
  let seen: unknown
  const { client } = await listen(async (request, answer) => {
    let body = ''
    for await (const chunk of request) body += chunk
    seen = { method: request.method, url: request.url, body, type: request.headers['content-type'] }
    answer.end('{"text":"","next":0,"ended":true}')
  })
  await client.call('log', { params: { id: 't-1/../x?y' }, query: { from: 3, attempt: undefined } })
  expect(seen).toEqual({
    method: 'GET',
    url: '/v1/tasks/t-1%2F..%2Fx%3Fy/log?from=3',
    body: '',
    type: undefined,
  })
  await client.call('say', { params: { id: 't-1' }, body: { text: 'ä"\n' } })
  expect(seen).toMatchObject({ method: 'POST', body: '{"text":"ä\\"\\n"}', type: 'application/json' })
})

test('throws what the daemon says', async () => {
  const error = { code: 'E_STATE', message: 'it is accepted', fix: 'nothing', details: { state: 'accepted' } }
  const { client } = await listen((_, answer) => {
    answer.statusCode = 409
    answer.end(JSON.stringify({ error }))
  })
  await expect(client.call('cancel', { params: { id: 't-1' } })).rejects.toMatchObject(error)
})

test.each([
  [200, '<html>'],
  [500, '<html>'],
  [404, '{"message":"not found"}'],
  [400, '{"error":{"code":7,"message":"x","fix":"y"}}'],
  [400, '{"error":null}'],
  [301, ''],
])('another program that answers %i %s is no daemon', async (status, body) => {
  const { client } = await listen((_, answer) => {
    answer.statusCode = status
    answer.end(body)
  })
  await expect(client.call('health')).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: expect.stringContaining(String(status)),
  })
})

test('nobody there', async () => {
  const client = createClient({ socketPath: join(temporaryDirectory(), 'none') })
  await expect(client.call('health')).rejects.toMatchObject({ code: 'E_DAEMON', exit: 5 })
  await expect(client.events()[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test('a daemon that hangs, one that dies in the middle, and one that is given up', async () => {
  const { client } = await listen((request, answer) => {
    if (request.url?.includes('/v1/runs')) return
    answer.writeHead(200)
    answer.write('{')
    setImmediate(() => answer.destroy())
  })
  await expect(client.call('runs', { query: {} }, { timeoutMs: 50 })).rejects.toMatchObject({
    code: 'E_TIMEOUT',
  })
  await expect(client.call('health')).rejects.toMatchObject({ code: 'E_DAEMON' })
  const abort = new AbortController()
  const given = client.call('runs', { query: {} }, { signal: abort.signal })
  abort.abort()
  await expect(given).rejects.toMatchObject({ code: 'E_DAEMON', message: 'the request was given up' })
})

test('a connection that the daemon had closed is opened again', async () => {
  let answered = 0
  const first = await listen((_, answer) => {
    answered += 1
    answer.end('{"ok":true}')
  })
  await first.client.call('health')
  await first.end()
  await listen((_, answer) => answer.end('{"ok":"again"}'), first.socketPath)
  expect(await first.client.call('health')).toEqual({ ok: 'again' })
  expect(answered).toBe(1)
})

const event = (seq: number): EventView => ({ seq, at: '2026-01-01T00:00:00.000Z', type: 'note' })
const frame = (seq: number) => `id: ${seq}\ndata: ${JSON.stringify(event(seq))}\n\n`

test('events resume at the last id, also before the first event, and through broken frames', async () => {
  const asked: (string | undefined)[] = []
  const frames = [
    `event: ready\nid: 7\ndata: {}\n\n`,
    `event: ready\nid: 7\ndata: {}\n\n${frame(8)}${frame(9)}`,
    `event: ready\nid: 9\ndata: {}\n\n${frame(10)}id: 11\ndata: {"se`,
    `: still here\n\n${frame(11)}`,
  ]
  const { client } = await listen((request, answer) => {
    asked.push(request.url)
    answer.writeHead(200)
    answer.write(frames.shift() ?? '')
    if (frames.length === 2) setImmediate(() => answer.destroy())
    else if (frames.length > 0) answer.end()
  })
  const seen: number[] = []
  for await (const { seq } of client.events({ task: 't-1', types: ['note', 'message'] })) {
    seen.push(seq)
    if (seq === 11) break
  }
  expect(seen).toEqual([8, 9, 10, 11])
  const filter = 'task=t-1&types=note%2Cmessage'
  expect(asked).toEqual([
    `/v1/events?${filter}`,
    `/v1/events?after=7&${filter}`,
    `/v1/events?after=9&${filter}`,
    `/v1/events?after=10&${filter}`,
  ])
})

test('events end without a word when they are told to, and give up on a daemon that stays away', async () => {
  const { client, end } = await listen((_, answer) => {
    answer.writeHead(200)
    answer.write(frame(1))
  })
  const abort = new AbortController()
  const seen: number[] = []
  for await (const { seq } of client.events({ signal: abort.signal })) {
    seen.push(seq)
    abort.abort()
  }
  expect(seen).toEqual([1])
  const stream = client.events({ patienceMs: 100 })[Symbol.asyncIterator]()
  await stream.next()
  const next = stream.next()
  await end()
  await expect(next).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test('events go on after the store of the daemon was out of reach; nothing brings a daemon back for that', async () => {
  let asked = 0
  const { client } = await listen((_, answer) => {
    asked += 1
    if (asked === 1 || asked === 4) answer.writeHead(200).write(frame(asked))
    if (asked === 1) setImmediate(() => answer.destroy())
    if (asked === 1 || asked === 4) return
    answer.statusCode = 503
    answer.end('{"error":{"code":"E_STORE_DOWN","message":"no Redis","fix":"x"}}')
  })
  let lost = 0
  const bring = async () => {
    lost += 1
  }
  const seen: number[] = []
  for await (const { seq } of client.events({ lost: bring })) {
    seen.push(seq)
    if (seen.length === 2) break
  }
  expect(seen).toEqual([1, 4])
  expect(lost).toBe(1) // for the stream that broke
})

test('a refusal of the stream is final', async () => {
  const { client } = await listen((_, answer) => {
    answer.statusCode = 400
    answer.end('{"error":{"code":"E_INVALID","message":"query.after","fix":"x"}}')
  })
  await expect(client.events({ after: 9 })[Symbol.asyncIterator]().next()).rejects.toMatchObject({
    code: 'E_INVALID',
  })
})

test('the client loads no schema and no package', async () => {
  const program = `
    const { registerHooks } = require('node:module')
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    import(process.argv[1]).then(() => console.log(JSON.stringify(loaded)))`
  const file = fileURLToPath(new URL('./connect.ts', import.meta.url))
  const { stdout } = await exec([process.execPath, '-e', program, file], { env: {} })
  const loaded = JSON.parse(stdout) as string[]
  expect(loaded.length).toBeGreaterThan(4)
  expect(loaded.filter((url) => /node_modules|contract|exec|node:http$/.test(url))).toEqual([])
})
