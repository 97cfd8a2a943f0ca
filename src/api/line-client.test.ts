import { createServer, type Server } from 'node:http'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { fakeDaemon } from '../../test/support/cli.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { exec } from '../exec.ts'
import { createClient } from './client.ts'
import type { Handlers } from './contract.ts'

function clientOf(socketPath: string) {
  const client = createClient({ socketPath }, { lines: true })
  onTestFinished(() => client.close())
  return client
}
const say = (text: string) => ({ params: { id: 't-1' }, body: { text } })

/** What answers there is written by the test: each line comes with the connection that it came on. */
async function peer(hear: (line: { id: number; verb?: string; gone?: true }, socket: Duplex) => void) {
  const socketPath = join(temporaryDirectory(), 's')
  const server = createServer((_, answer) => answer.end('{"ok":"over HTTP"}'))
  const sockets: Duplex[] = []
  server.on('upgrade', (_, socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: orch-lines\r\n\r\n')
    socket.on('data', (chunk) => {
      for (const line of String(chunk).trim().split('\n')) hear(JSON.parse(line), socket)
    })
  })
  await listen(server, socketPath)
  const end = () => {
    server.close()
    server.closeAllConnections()
    for (const socket of sockets) socket.destroy()
  }
  onTestFinished(end)
  return { client: clientOf(socketPath), sockets, socketPath, end }
}
const listen = (server: Server, path: string) => new Promise<void>((resolve) => server.listen(path, resolve))
const answerOk = ({ id }: { id: number }, socket: Duplex) =>
  socket.write(`{"id":${id},"answer":{"ok":true}}\n`)

test('answers and refusals are those of HTTP', async () => {
  let seen: unknown
  const handlers: Partial<Handlers> = {
    log: async (input) => {
      seen = input
      return { text: 'ä\n'.repeat(200_000), next: 1, ended: false }
    },
  }
  const { paths } = await fakeDaemon(handlers)
  const [lines, http] = [clientOf(paths.socket), createClient({ socketPath: paths.socket })]
  onTestFinished(() => http.close())
  const input = { params: { id: 't-1' }, query: { from: 3, attempt: undefined } }
  expect(await lines.call('log', input)).toEqual(await http.call('log', input))
  expect(seen).toEqual({ params: { id: 't-1' }, query: { from: 3 } })
  expect(await lines.call('say', say('hello'))).toEqual({})
  for (const call of [
    (client = lines) => client.call('say', say('')),
    (client = lines) => client.call('say', say('x'.repeat(9 * 2 ** 20))),
    (client = lines) => client.call('run', { params: { id: 'r-1' } }),
    (client = lines) => client.call('run', { params: { id: '../x' } }),
  ]) {
    const { code, message, fix, details } = await call(http).catch((error) => error)
    expect(code).toMatch(/^E_/)
    await expect(call()).rejects.toMatchObject({ code, message, fix, details })
  }
})

test('several are under way on one connection and come as they are done', async () => {
  const asked: number[] = []
  const { client, sockets } = await peer(({ id }, socket) => {
    asked.push(id)
    if (asked.length === 3)
      for (const it of asked.reverse()) socket.write(`{"id":${it},"answer":{"runs":[${it}]}}\n`)
  })
  const answers = await Promise.all([1, 2, 3].map(() => client.call('runs', { query: {} })))
  expect(answers).toEqual([1, 2, 3].map((id) => ({ runs: [id] })))
  expect(sockets).toHaveLength(1)
})

test('a call that is given up or takes too long is told to the daemon; others go on', async () => {
  const heard: object[] = []
  const { client, sockets } = await peer((line, socket) => {
    heard.push(line)
    if (line.verb === 'health') answerOk(line, socket)
  })
  const abort = new AbortController()
  const given = client.call('runs', { query: {} }, { signal: abort.signal })
  await client.call('health')
  abort.abort()
  await expect(given).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: 'the request was given up',
    cause: { name: 'AbortError' },
  })
  await expect(client.call('runs', { query: {} }, { timeoutMs: 30 })).rejects.toMatchObject({
    code: 'E_TIMEOUT',
  })
  await expect(client.call('runs', { query: {} }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    message: 'the request was given up',
  })
  expect(await client.call('health')).toEqual({ ok: true })
  expect(heard).toContainEqual({ id: 1, gone: true })
  expect(heard).toContainEqual({ id: 3, gone: true })
  expect(sockets).toHaveLength(1)
})

test('given up and timed out while the connection is opened', async () => {
  const socketPath = join(temporaryDirectory(), 's')
  const server = createServer(() => {})
  server.on('upgrade', (_, socket) => onTestFinished(() => void socket.destroy()))
  await listen(server, socketPath)
  onTestFinished(() => void server.close())
  const client = clientOf(socketPath)
  await expect(client.call('health', {}, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'E_TIMEOUT' })
  const given = client.call('health', {}, { signal: AbortSignal.timeout(30) })
  await expect(given).rejects.toMatchObject({ code: 'E_DAEMON', message: 'the request was given up' })
})

test('a daemon that goes away: what changes something is not asked again, what only asks is, once', async () => {
  const heard: (string | undefined)[] = []
  const { client, sockets } = await peer((line, socket) => {
    heard.push(line.verb)
    if (line.verb === 'health' && heard.length !== 3) answerOk(line, socket)
    else socket.destroy()
  })
  await client.call('health')
  const lost = { code: 'E_DAEMON', cause: { code: 'ECONNRESET' } }
  await expect(client.call('say', say('once'))).rejects.toMatchObject(lost)
  await expect(client.call('health')).rejects.toMatchObject(lost) // a new connection: it was asked, and got nothing
  expect(await client.call('health')).toEqual({ ok: true })
  await expect(client.call('runs', { query: {} })).rejects.toMatchObject(lost)
  expect(heard).toEqual(['health', 'say', 'health', 'health', 'runs', 'runs'])
  expect(sockets).toHaveLength(4)
})

test('nobody there, before and after', async () => {
  const none = clientOf(join(temporaryDirectory(), 'none'))
  await expect(none.call('health')).rejects.toMatchObject({ code: 'E_DAEMON', cause: { code: 'ENOENT' } })
  const { client, end } = await peer(answerOk)
  await client.call('health')
  end()
  await expect(client.call('say', say('x'))).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test.each(['<html>', 'null', '{"id":1}', '{"id":1,"error":{"code":7}}'])(
  'another program that says %s is no daemon',
  async (text) => {
    const { client } = await peer((_, socket) => socket.write(`${text}\n`))
    await expect(client.call('health')).rejects.toMatchObject({ code: 'E_DAEMON' })
  },
)

test('an older daemon is spoken to by HTTP, the next one by lines again', async () => {
  const socketPath = join(temporaryDirectory(), 's')
  const asked: (string | undefined)[] = []
  const older = createServer(({ url }, answer) => {
    asked.push(url)
    answer.statusCode = url === '/v1/health' ? 200 : 404
    answer.end('{"ok":true}')
  })
  await listen(older, socketPath)
  const client = clientOf(socketPath)
  expect(await Promise.all([client.call('health'), client.call('health')])).toHaveLength(2)
  await client.call('health')
  expect(asked).toEqual(['/v1/lines', ...Array(3).fill('/v1/health')])
  const closed = new Promise((resolve) => older.close(resolve))
  older.closeAllConnections()
  await closed
  await expect(client.call('say', say('x'))).rejects.toMatchObject({ code: 'E_DAEMON' })
  let upgraded = 0
  const newer = createServer()
  newer.on('upgrade', (_, socket) => {
    upgraded += 1
    socket.destroy()
  })
  await listen(newer, socketPath)
  onTestFinished(() => void newer.close())
  await expect(client.call('say', say('x'))).rejects.toMatchObject({ code: 'E_DAEMON' })
  expect(upgraded).toBe(1)
})

test('over TCP it is HTTP', async () => {
  const server = createServer((_, answer) => answer.end('{"ok":"over HTTP"}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as { port: number }
  const client = createClient({ url: `http://127.0.0.1:${port}`, token: 'x' }, { lines: true })
  expect(await client.call('health')).toEqual({ ok: 'over HTTP' })
  client.close()
})

test('close ends what waits, and an idle client keeps no process alive', async () => {
  const { client, socketPath } = await peer((line, socket) => {
    if (line.verb === 'health') answerOk(line, socket)
  })
  await client.call('health')
  const waits = client.call('runs', { query: {} })
  setImmediate(() => client.close())
  await expect(waits).rejects.toMatchObject({ code: 'E_DAEMON' })
  const program = `
    const { createClient } = await import(process.argv[1])
    const client = createClient({ socketPath: process.argv[2] }, { lines: true })
    console.log(JSON.stringify(await client.call('health')))`
  const file = fileURLToPath(new URL('./client.ts', import.meta.url))
  const argv = [process.execPath, '--input-type=module', '-e', program, file, socketPath] as const
  const { stdout } = await exec([...argv], { env: {}, timeoutMs: 10_000 })
  expect(JSON.parse(stdout)).toEqual({ ok: true })
})
