import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { handlersFor } from '../../test/support/daemon-handlers.ts'
import { openTableJournal } from '../../test/support/table-journal.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { OrchError } from '../errors.ts'
import { createIds, systemRandom } from '../id.ts'
import { silentLog } from '../log.ts'
import { createClient } from './client.ts'
import type { Handlers } from './contract.ts'
import { ensureToken } from './guard.ts'
import { type ServeOptions, serve } from './serve.ts'
import { createApi } from './server.ts'

const token = 'a'.repeat(64)

async function open(given: Partial<Handlers> = {}, options: Partial<ServeOptions> = {}) {
  const directory = temporaryDirectory()
  const paths = { socket: join(directory, 's.sock'), apiPort: join(directory, 'api.json') }
  const ending = new AbortController()
  const journal = openTableJournal(':memory:')
  const handlers = handlersFor(given)
  const api = createApi({ handlers, journal, log: silentLog, ending: ending.signal, checkAnswers: true })
  const served = await serve({ api, paths, ...options })
  onTestFinished(() => {
    ending.abort()
    return served.close(0)
  })
  return { paths, served, ending, journal }
}

interface Raw {
  status: number
  text: string
  headers: NodeJS.Dict<string | string[]>
}
const raw = (port: number, path: string, headers: Record<string, string>, method = 'GET') =>
  new Promise<Raw>((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, async (answer) => {
      let text = ''
      for await (const chunk of answer) text += chunk
      resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers })
    })
    asked.on('error', reject)
    asked.end()
  })

test('the socket is for its owner only, and gone after close', async () => {
  const { paths, served } = await open()
  expect(statSync(paths.socket).mode & 0o777).toBe(0o600)
  expect(existsSync(paths.apiPort)).toBe(false)
  await served.close(0)
  expect(existsSync(paths.socket)).toBe(false)
})

test('a socket file that a dead daemon left is replaced', async () => {
  const directory = temporaryDirectory()
  const paths = { socket: join(directory, 's.sock'), apiPort: join(directory, 'api.json') }
  writeFileSync(paths.socket, '')
  writeFileSync(paths.apiPort, '{"port":1}')
  const api = createApi({ handlers: handlersFor(), journal: openTableJournal(':memory:'), log: silentLog })
  const served = await serve({ api, paths })
  const client = createClient({ socketPath: paths.socket })
  expect(await client.call('health')).toMatchObject({ ok: true })
  expect(existsSync(paths.apiPort)).toBe(false)
  client.close()
  await served.close(100)
})

test('an address that is taken is told', async () => {
  const { served } = await open({}, { tcp: { port: 0, token } })
  const taken = open({}, { tcp: { port: served.port ?? 0, token } })
  await expect(taken).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: expect.stringContaining('EADDRINUSE'),
  })
})

test('the port lets in who has the token, and tells nobody else anything', async () => {
  const { served, paths } = await open({}, { tcp: { port: 0, token } })
  const port = served.port ?? 0
  expect(JSON.parse(readFileSync(paths.apiPort, 'utf8'))).toEqual({ port })
  const client = createClient({ url: `http://127.0.0.1:${port}`, token })
  expect(await client.call('health')).toMatchObject({ ok: true })
  client.close()
  const wrong = createClient({ url: `http://127.0.0.1:${port}`, token: 'b'.repeat(64) })
  await expect(wrong.call('health')).rejects.toMatchObject({ code: 'E_UNAUTHORIZED' })
  wrong.close()
  for (const authorization of ['', 'Bearer', 'Bearer ', `Basic ${token}`, token, `Bearer ${token}x`]) {
    expect((await raw(port, '/v1/health', { authorization })).status, authorization).toBe(401)
  }
  expect((await raw(port, '/v1/events', {})).status).toBe(401)
  expect((await raw(port, '/nothing', {})).status).toBe(401)
})

test('through the port too: bodies, refusals, streams, and what is not there', async () => {
  const { served, journal } = await open({}, { tcp: { port: 0, token } })
  const client = createClient({ url: `http://localhost:${served.port}`, token })
  expect(await client.call('backup', { body: { file: '/b' } })).toEqual({ file: '/b', bytes: 0 })
  await expect(client.call('say', { params: { id: 't-1' }, body: { text: '' } })).rejects.toMatchObject({
    code: 'E_INVALID',
    message: expect.stringContaining('body.text'),
  })
  const large = client.call('say', { params: { id: 't-1' }, body: { text: 'x'.repeat(9 * 2 ** 20) } })
  await expect(large).rejects.toMatchObject({ code: 'E_TOO_LARGE' })
  await journal.append([{ type: 'note', at: 0 }])
  for await (const event of client.events({ after: 0 })) {
    expect(event.seq).toBe(1)
    break
  }
  const nothing = await raw(served.port ?? 0, '/nothing', { authorization: `Bearer ${token}` })
  expect(nothing.status).toBe(404)
  client.close()
})

test('the port answers under loopback names of its own only', async () => {
  const { served } = await open({}, { tcp: { port: 0, token } })
  const port = served.port ?? 0
  const authorization = `Bearer ${token}`
  const ask = (host: string) => raw(port, '/v1/health', { authorization, host })
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`, `[::1]:${port}`])
    expect((await ask(host)).status, host).toBe(200)
  for (const host of [
    'evil.example',
    `evil.example:${port}`,
    'localhost',
    `localhost:${port + 1}`,
    `localhost.evil.example:${port}`,
    `127.0.0.1:${port}@evil.example`,
  ])
    expect([400, 403], host).toContain((await ask(host)).status)
})

test('the port answers to no page of another origin', async () => {
  const { served } = await open({}, { tcp: { port: 0, token } })
  const port = served.port ?? 0
  const ask = (origin: string, method = 'GET') =>
    raw(port, '/v1/health', { authorization: `Bearer ${token}`, origin }, method)
  expect((await ask(`http://127.0.0.1:${port}`)).status).toBe(200)
  for (const origin of [
    'null',
    'http://evil.example',
    `https://127.0.0.1:${port}`,
    `http://127.0.0.1:${port + 1}`,
  ]) {
    const answer = await ask(origin)
    expect(answer.status, origin).toBe(403)
    expect(answer.headers['access-control-allow-origin']).toBeUndefined()
  }
  expect((await ask('http://evil.example', 'OPTIONS')).status).toBe(403)
})

test('100 MB are refused without being read', async () => {
  const { paths } = await open()
  const before = process.memoryUsage().rss
  const announced = await sendMegabytes(paths.socket, 100, { 'content-length': String(100 * 2 ** 20) })
  expect(announced).toContain('413')
  expect(announced).toContain('E_TOO_LARGE')
  const chunked = await sendMegabytes(paths.socket, 100, { 'transfer-encoding': 'chunked' })
  expect(chunked).toContain('E_TOO_LARGE')
  expect(process.memoryUsage().rss - before).toBeLessThan(80 * 2 ** 20)
})

/** Sends until the other side has had enough; gives what it said. */
function sendMegabytes(socketPath: string, count: number, headers: Record<string, string>): Promise<string> {
  const chunk = Buffer.alloc(2 ** 20, ' ')
  return new Promise((resolve, reject) => {
    const all = { 'content-type': 'application/json', ...headers }
    const asked = request({ socketPath, path: '/v1/runs', method: 'POST', headers: all }, async (answer) => {
      let text = `${answer.statusCode} `
      for await (const part of answer) text += part
      asked.destroy()
      resolve(text)
    })
    asked.on('error', reject)
    let sent = 0
    const more = () => {
      if (asked.destroyed || sent++ >= count) return
      if (asked.write(chunk)) setImmediate(more)
      else asked.once('drain', more)
    }
    more()
  })
}

test('who sends slowly is cut off', async () => {
  const limits = { headersTimeout: 100, requestTimeout: 200, connectionsCheckingInterval: 20 }
  const { paths } = await open({}, { limits })
  const cutOff = (begin: string) =>
    new Promise<string>((resolve) => {
      const socket = connectSocket(paths.socket)
      let text = ''
      socket.on('data', (chunk) => (text += chunk))
      socket.on('close', () => resolve(text))
      socket.on('error', () => {})
      socket.write(begin)
    })
  const head = 'POST /v1/runs HTTP/1.1\r\nHost: x\r\n'
  expect(await cutOff(head)).toContain('408')
  await cutOff(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{`)
})

test('requests that are none are refused, and the next one is answered', async () => {
  const { paths } = await open()
  const say = (text: string) =>
    new Promise<string>((resolve) => {
      const socket = connectSocket(paths.socket)
      let answer = ''
      socket.on('data', (chunk) => (answer += chunk))
      socket.on('close', () => resolve(answer))
      socket.on('error', () => {})
      socket.end(text)
    })
  for (const text of [
    'hello\r\n\r\n',
    'GET /v1/health HTTP/1.1\r\n\r\n',
    'GET \\\\evil/ HTTP/1.1\r\nHost: x\r\n\r\n',
    'GET /v1/health HTTP/1.1\r\nHost: a b\r\n\r\n',
    `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`,
    'POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  ])
    expect(await say(text), text.slice(0, 40)).toMatch(/^HTTP\/1.1 4/)
  const client = createClient({ socketPath: paths.socket })
  expect(await client.call('health')).toMatchObject({ ok: true })
  client.close()
})

test('close lets an answer out, ends streams, and cuts off what hangs', async () => {
  const gate = Promise.withResolvers<void>()
  const { paths, served, ending } = await open({
    runs: async () => {
      await gate.promise
      return { runs: [] }
    },
    pulls: () => new Promise(() => {}),
  })
  const client = createClient({ socketPath: paths.socket })
  const slow = client.call('runs', { query: {} })
  const hangs = client.call('pulls', { query: { repo: '/r' } })
  hangs.catch(() => {})
  const stream = client.events({ signal: ending.signal })[Symbol.asyncIterator]()
  const end = stream.next()
  await client.call('health')
  ending.abort()
  const closed = served.close(300)
  gate.resolve()
  expect(await slow).toEqual({ runs: [] })
  await expect(hangs).rejects.toMatchObject({ code: 'E_DAEMON' })
  await closed
  expect(await end).toMatchObject({ done: true })
  client.close()
})

test('the token is made once, kept private, and made again when it is broken or open', async () => {
  const file = join(temporaryDirectory(), 'token')
  const ids = createIds(systemRandom)
  const first = await ensureToken(file, ids)
  expect(first).toMatch(/^[0-9a-f]{64}$/)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(await ensureToken(file, ids)).toBe(first)
  writeFileSync(file, 'abc')
  const second = await ensureToken(file, ids)
  expect(second).not.toBe(first)
  writeFileSync(file, `${'c'.repeat(64)}\n`)
  ;(await import('node:fs')).chmodSync(file, 0o644)
  expect(await ensureToken(file, ids)).not.toBe('c'.repeat(64))
})

test('the journal up to its end, without waiting for more', async () => {
  const { paths, journal } = await open()
  await journal.append(Array.from({ length: 250 }, () => ({ type: 'note' as const, at: 0 })))
  const client = createClient({ socketPath: paths.socket })
  const seen: number[] = []
  for await (const { seq } of client.events({ after: 3, follow: false })) seen.push(seq)
  expect(seen).toEqual(Array.from({ length: 247 }, (_, index) => index + 4))
  client.close()
})

test('a stream from a place that the journal does not have yet is refused', async () => {
  const { paths } = await open()
  const client = createClient({ socketPath: paths.socket })
  const stream = client.events({ after: 99 })[Symbol.asyncIterator]()
  await expect(stream.next()).rejects.toMatchObject({ code: 'E_INVALID' })
  client.close()
})

test('what is read to its end comes whole: a store that fails on the way is no end', async () => {
  const { paths, journal } = await open()
  await journal.append(Array.from({ length: 250 }, () => ({ type: 'note' as const, at: 0 })))
  const read = journal.read.bind(journal)
  let failure: OrchError | undefined = new OrchError('E_STORE_DOWN', 'Redis cannot be reached')
  journal.read = async (query) => {
    if (query.after === 0 || !failure) return await read(query)
    const error = failure
    failure = undefined
    throw error
  }
  const client = createClient({ socketPath: paths.socket })
  onTestFinished(() => client.close())
  const all = async () => {
    const seen: number[] = []
    for await (const { seq } of client.events({ after: 0, follow: false })) seen.push(seq)
    return seen
  }
  expect(await all()).toEqual(Array.from({ length: 250 }, (_, index) => index + 1))
  failure = new OrchError('E_STORE', 'page 3 is damaged')
  await expect(all()).rejects.toMatchObject({ code: 'E_STORE' })
})

test('Last-Event-ID goes before `after`, as browsers reconnect', async () => {
  const { served, journal } = await open({}, { tcp: { port: 0, token } })
  await journal.append(Array.from({ length: 5 }, () => ({ type: 'note' as const, at: 0 })))
  const headers = { authorization: `Bearer ${token}`, 'last-event-id': '3' }
  const { text } = await raw(served.port ?? 0, '/v1/events?after=1&follow=no', headers)
  expect(text.match(/^id: \d+/gm)).toEqual(['id: 3', 'id: 4', 'id: 5'])
  const broken = await raw(served.port ?? 0, '/v1/events', { ...headers, 'last-event-id': '-3' })
  expect(broken.status).toBe(400)
})

test('a reader that stops reading stops us reading for it; one that leaves is forgotten', async () => {
  const { paths, journal } = await open()
  let listening = 0
  const { subscribe } = journal
  journal.subscribe = (listener) => {
    const stop = subscribe(listener)
    listening += 1
    return () => {
      listening -= 1
      stop()
    }
  }
  const data = { text: 'x'.repeat(50_000) }
  await journal.append(Array.from({ length: 600 }, () => ({ type: 'note' as const, at: 0, data })))
  const socket = connectSocket(paths.socket)
  socket.pause()
  socket.write('GET /v1/events?after=0 HTTP/1.1\r\nHost: x\r\n\r\n')
  const client = createClient({ socketPath: paths.socket })
  await expect.poll(() => journal.reads).toBeGreaterThan(0)
  for (let i = 0; i < 50; i++) await client.call('health')
  expect(journal.reads).toBeLessThan(4)
  expect(listening).toBe(1)
  socket.destroy()
  await expect.poll(() => listening).toBe(0)
  client.close()
})
