import { once } from 'node:events'
import { request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { fakeDaemon } from '../../test/support/cli.ts'
import { handlersFor } from '../../test/support/daemon-handlers.ts'
import { openTableJournal } from '../../test/support/table-journal.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { silentLog } from '../log.ts'
import { type Handlers, MAX_BODY } from './contract.ts'
import { createLines } from './line-server.ts'
import { serve } from './serve.ts'
import { createApi } from './server.ts'

const ASK = 'GET /v1/lines HTTP/1.1\r\nHost: orchd\r\nConnection: Upgrade\r\nUpgrade: orch-lines\r\n\r\n'

interface Speaking {
  socket: Socket
  say(...lines: (object | string)[]): void
  /** The next line; undefined after the end. */
  hear(): Promise<unknown>
}

async function speak(path: string, first = ''): Promise<Speaking> {
  const socket = connect(path)
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.write(ASK + first)
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]()
  const next = async () => (await lines.next()).value as string | undefined
  expect(await next()).toBe('HTTP/1.1 101 Switching Protocols')
  while (await next());
  return {
    socket,
    say: (...said) =>
      void socket.write(said.map((it) => `${typeof it === 'string' ? it : JSON.stringify(it)}\n`).join('')),
    hear: async () => {
      const line = await next()
      return line === undefined ? undefined : JSON.parse(line)
    },
  }
}

async function daemon(handlers: Partial<Handlers> = {}) {
  const { paths, close } = await fakeDaemon(handlers)
  return { ...(await speak(paths.socket)), paths, close }
}

test('verbs are answered as by HTTP, by the same checks', async () => {
  let seen: unknown
  const { say, hear } = await daemon({
    log: async (input) => {
      seen = input
      return { text: 'ä\n', next: 1, ended: false }
    },
  })
  say({ id: 1, verb: 'log', input: { params: { id: 't-1' }, query: { from: '12' } } })
  expect(await hear()).toEqual({ id: 1, answer: { text: 'ä\n', next: 1, ended: false } })
  expect(seen).toEqual({ params: { id: 't-1' }, query: { from: 12 } })
  say({ id: 2, verb: 'health' })
  expect(await hear()).toMatchObject({ id: 2, answer: { ok: true } })
  const input = { params: { tool: 'get_task' } }
  say({ id: 3, verb: 'agentCall', input })
  expect(await hear()).toMatchObject({ id: 3, error: { code: 'E_UNAUTHORIZED' } })
  say({ id: 4, verb: 'agentCall', input: { ...input, bearer: 'x' } })
  expect(await hear()).toMatchObject({ id: 4, error: { code: 'E_NOT_FOUND' } })
})

test.each([
  ['{', 'line: expected JSON'],
  ['', 'line: expected JSON'],
  ['[]', 'line: '],
  ['{"id":"a","verb":"health"}', 'line.id'],
  ['{"id":-1,"verb":"health"}', 'line.id'],
  ['{"id":1,"verb":"health","more":1}', 'line: '],
  ['{"id":1,"verb":"log","input":{"query":{"from":12}}}', 'line.input.query.from'],
  ['{"id":1,"verb":"agentCall","input":{"bearer":"a b"}}', 'line.input.bearer'],
  ['{"id":1,"gone":false}', 'line.gone'],
])('what is no call is refused, and the connection goes on: %s', async (line, message) => {
  const { say, hear } = await daemon()
  say(line)
  const error = { code: 'E_INVALID', message: expect.stringContaining(message) }
  expect(await hear()).toMatchObject({ id: null, error })
  say({ id: 1, verb: 'health' })
  expect(await hear()).toMatchObject({ id: 1, answer: { ok: true } })
})

test('text that is not UTF-8 is refused', async () => {
  const { socket, hear } = await daemon()
  socket.write(Buffer.from('{"id":1,"verb":"h\xff"}\n', 'latin1'))
  expect(await hear()).toMatchObject({ id: null, error: { code: 'E_INVALID' } })
})

test.each([
  ['nothing', {}, 'E_NOT_FOUND', 'verb'],
  ['toString', {}, 'E_NOT_FOUND', 'verb'],
  ['__proto__', {}, 'E_NOT_FOUND', 'verb'],
  ['log', { params: { id: '../x' } }, 'E_INVALID', 'path.id'],
  ['log', {}, 'E_INVALID', 'path.id'],
  ['runs', { query: { limit: 'many' } }, 'E_INVALID', 'query.limit'],
  ['say', { params: { id: 't-1' }, body: { text: '' } }, 'E_INVALID', 'body.text'],
  ['say', { params: { id: 't-1' }, body: null }, 'E_INVALID', 'body'],
  ['runs', {}, 'E_INTERNAL', 'the central log'],
])('%s with %o is answered with %s', async (verb, input, code, message) => {
  const { say, hear } = await daemon({ runs: () => Promise.reject(new Error('secret')) })
  say({ id: 7, verb, input })
  const answer = (await hear()) as { error: { message: string } }
  expect(answer).toMatchObject({ id: 7, error: { code, message: expect.stringContaining(message) } })
  expect(answer.error.message).not.toContain('secret')
})

test('many at once, answered as they are done; an id under way is not taken twice', async () => {
  const gate = Promise.withResolvers<void>()
  const { say, hear } = await daemon({ runs: () => gate.promise.then(() => ({ runs: [] })) })
  const ids = Array.from({ length: 100 }, (_, index) => index + 10)
  say({ id: 1, verb: 'runs' }, ...ids.map((id) => ({ id, verb: 'health' })))
  for (const id of ids) expect(await hear()).toMatchObject({ id, answer: { ok: true } })
  say({ id: 1, verb: 'health' })
  expect(await hear()).toMatchObject({ id: null, error: { code: 'E_INVALID' } })
  gate.resolve()
  expect(await hear()).toEqual({ id: 1, answer: { runs: [] } })
})

test('what came with the request to upgrade, and in pieces, is heard', async () => {
  const { paths } = await fakeDaemon()
  const { socket, hear } = await speak(paths.socket, '{"id":1,"verb":"health"}\n{"id":2,')
  expect(await hear()).toMatchObject({ id: 1 })
  socket.write('"verb":')
  setImmediate(() => socket.write('"health"}\n'))
  expect(await hear()).toMatchObject({ id: 2, answer: { ok: true } })
})

function waiting() {
  const signals: AbortSignal[] = []
  const receive: Handlers['receive'] = async (_, gone) => {
    if (gone) signals.push(gone)
    await new Promise<void>((resolve) => gone?.addEventListener('abort', () => resolve()))
    return { messages: [] }
  }
  return { signals, handlers: { receive } }
}
const receive = (id: number) => ({
  id,
  verb: 'receive',
  input: { params: { name: 'builds' }, body: { reader: 'one', waitMs: 30_000 } },
})

test('a call that waits is given up alone, all of them with the connection, and with the daemon', async () => {
  const { signals, handlers } = waiting()
  const { say, hear, socket, paths, close } = await daemon(handlers)
  say(receive(1), receive(2), { id: 3, verb: 'health' })
  expect(await hear()).toMatchObject({ id: 3 })
  say({ id: 1, gone: true }, { id: 99, gone: true }, { id: 4, verb: 'health' })
  expect(await hear()).toMatchObject({ id: 4 })
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  socket.end()
  await expect.poll(() => signals[1]?.aborted).toBe(true)
  const second = await speak(paths.socket)
  second.say(receive(1))
  await expect.poll(() => signals.length).toBe(3)
  await close()
  expect(await second.hear()).toEqual({ id: 1, answer: { messages: [] } })
  expect(await second.hear()).toBeUndefined()
})

test.each([true, false])('a line that is too long ends the connection (newline: %s)', async (whole) => {
  const { say, hear, socket, paths } = await daemon()
  const text = 'x'.repeat(MAX_BODY)
  const line = JSON.stringify({ id: 1, verb: 'say', input: { params: { id: 't-1' }, body: { text } } })
  if (whole) say(line)
  else socket.write(line)
  expect(await hear()).toMatchObject({ id: null, error: { code: 'E_TOO_LARGE' } })
  expect(await hear()).toBeUndefined()
  const next = await speak(paths.socket)
  next.say({ id: 1, verb: 'say', input: { params: { id: 't-1' }, body: { text: text.slice(1_000) } } })
  expect(await next.hear()).toMatchObject({ id: 1, error: { code: 'E_INVALID' } })
})

test('who does not read its answers is not read any more', async () => {
  let answered = 0
  const { socket } = await daemon({
    diff: async () => {
      answered += 1
      return { diff: 'x'.repeat(100_000) }
    },
  })
  socket.pause()
  const line = { id: 0, verb: 'diff', input: { params: { number: '1' }, query: { repo: '/r' } } }
  for (let id = 1; id <= 1_000; id++) socket.write(`${JSON.stringify({ ...line, id })}\n`)
  await expect.poll(() => answered).toBeGreaterThan(0)
  const seen: number[] = []
  await expect.poll(() => seen.push(answered) > 1 && seen.at(-2) === answered, { interval: 100 }).toBe(true)
  expect(answered).toBeLessThan(900)
})

test('close lets an answer out and cuts off what hangs', async () => {
  const gate = Promise.withResolvers<void>()
  const answering = {
    handlers: handlersFor({
      runs: () => gate.promise.then(() => ({ runs: [] })),
      pulls: () => new Promise(() => {}),
    }),
    log: silentLog,
  }
  const api = createApi({ ...answering, journal: openTableJournal(':memory:') })
  const directory = temporaryDirectory()
  const paths = { socket: `${directory}/s`, apiPort: `${directory}/p` }
  const served = await serve({ api, lines: createLines(answering), paths })
  const slow = await speak(paths.socket)
  const hangs = await speak(paths.socket)
  const idle = await speak(paths.socket)
  slow.say({ id: 1, verb: 'runs' }, { id: 2, verb: 'health' })
  hangs.say({ id: 1, verb: 'pulls', input: { query: { repo: '/r' } } }, { id: 2, verb: 'health' })
  for (const it of [slow, hangs]) expect(await it.hear()).toMatchObject({ id: 2 })
  const closed = served.close(200)
  expect(await idle.hear()).toBeUndefined()
  gate.resolve()
  expect(await slow.hear()).toEqual({ id: 1, answer: { runs: [] } })
  expect(await slow.hear()).toBeUndefined()
  expect(await hangs.hear()).toBeUndefined()
  await closed
})

test('no lines through the port, for another protocol, another path or method', async () => {
  const answering = { handlers: handlersFor(), log: silentLog }
  const api = createApi({ ...answering, journal: openTableJournal(':memory:') })
  const directory = temporaryDirectory()
  const paths = { socket: `${directory}/s`, apiPort: `${directory}/p` }
  const token = 'a'.repeat(64)
  const served = await serve({ api, lines: createLines(answering), paths, tcp: { port: 0, token } })
  onTestFinished(() => served.close(0))
  const status = async (options: object) => {
    const { headers = {} } = options as { headers?: object }
    const lines = { connection: 'Upgrade', upgrade: 'orch-lines', ...headers }
    const asked = request({ path: '/v1/lines', ...options, headers: lines }).end()
    const [answer] = await once(asked, 'response')
    answer.resume()
    return answer.statusCode
  }
  const at = { host: '127.0.0.1', port: served.port }
  expect(await status(at)).toBe(401)
  expect(await status({ ...at, headers: { authorization: `Bearer ${token}` } })).toBe(404)
  const { socket: socketPath } = paths
  expect(await status({ socketPath, headers: { upgrade: 'websocket' } })).toBe(404)
  expect(await status({ socketPath, method: 'POST' })).toBe(404)
  expect(await status({ socketPath, path: '/v1/health' })).toBe(200)
})
