import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import type { Client } from '../../src/api/client.ts'
import { type ConnectOptions, connect } from '../../src/api/connect.ts'
import type { EventView } from '../../src/api/views.ts'
import { type Paths, pathsIn } from '../../src/config/paths.ts'
import { signalProcess, spawnDetached } from '../../src/exec.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** The daemon's own life, as real processes: started once, stopped, killed, back. */

const program = fileURLToPath(new URL('../fixtures/only-api-daemon.ts', import.meta.url))
const open: { client: Client; pid: number }[] = []
const starting: Promise<unknown>[] = []

afterEach(async () => {
  await Promise.allSettled(starting.splice(0))
  for (const { client, pid } of open.splice(0)) {
    signalProcess(pid, 'SIGKILL')
    client.close()
    await gone(pid)
  }
})

/** Noted while it starts, so that a test that fails in between leaves no daemon either. */
function start(...given: Parameters<typeof startNow>): ReturnType<typeof startNow> {
  const started = startNow(...given)
  starting.push(started)
  return started
}

async function startNow(
  paths: Paths,
  given: Partial<ConnectOptions> & { env?: Record<string, string> } = {},
) {
  const environment = {
    env: { PATH: '/usr/bin:/bin', HOME: paths.state, ORCH_STATE_DIR: paths.state, ...given.env },
  }
  const client = await connect({ paths, environment, autostart: true, program, ...given })
  const { pid } = await client.call('health')
  open.push({ client, pid })
  return { client, pid }
}

const alive = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\sZ/m.test(statusOf(pid))
const statusOf = (pid: number) => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return 'State: Z'
  }
}
const gone = (pid: number) => expect.poll(() => alive(pid), { interval: 10 }).toBe(false)

function processesIn(state: string): number[] {
  const environ = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8')
    } catch {
      return '' // gone by now
    }
  }
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.filter((pid) => environ(pid).includes(`ORCH_STATE_DIR=${state}\0`)).map(Number)
}

async function journalOf(client: Client): Promise<EventView[]> {
  const seen: EventView[] = []
  await client.call('say', { params: { id: 't-end' }, body: { text: 'end of journal' } })
  for await (const event of client.events({ after: 0 })) {
    seen.push(event)
    if (event.data?.text === 'end of journal') break
  }
  return seen
}

test('ten that start it at once get one daemon', async () => {
  const paths = pathsIn(temporaryDirectory())
  const started = await Promise.all(Array.from({ length: 10 }, () => start(paths)))
  const [first] = started
  expect(new Set(started.map(({ pid }) => pid))).toEqual(new Set([first?.pid]))
  const events = await journalOf((first as Started).client)
  expect(events.filter(({ type }) => type === 'daemon.started')).toHaveLength(1)
  expect(events.filter(({ data }) => data?.compose)).toHaveLength(1)
  expect(readFileSync(paths.output, 'utf8')).toBe('')
  expect(statSync(paths.output).mode & 0o777).toBe(0o600)
  expect(statSync(paths.store).mode & 0o077).toBe(0)
})
type Started = Awaited<ReturnType<typeof start>>

test('none is left on its way that would take the place of the daemon after it was stopped', async () => {
  const paths = pathsIn(temporaryDirectory())
  const late = start(paths, { env: { ONLY_API_DAEMON: 'late' } })
  await expect.poll(() => processesIn(paths.state)).toHaveLength(1)
  const { pid } = await start(paths)
  expect((await late).pid).toBe(pid)
  expect(processesIn(paths.state)).toEqual([pid])
})

test('who started it and found another one ends it only while it has no store', async () => {
  const paths = pathsIn(temporaryDirectory())
  const { client, pid } = await start(paths)
  signalProcess(pid, 'SIGHUP')
  const late = start(paths, { env: { ONLY_API_DAEMON: 'late' } })
  expect((await late).pid).toBe(pid)
  expect(await client.call('health')).toMatchObject({ pid })
  expect(readFileSync(paths.log, 'utf8')).not.toContain('"stopping"')
})

test('the daemon outlives who started it, in a session and directory of its own', async () => {
  const paths = pathsIn(temporaryDirectory())
  const { pid } = await start(paths)
  const [, , , , , session] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/\(.*\)/, 'x')
    .split(' ')
  expect(Number(session)).toBe(pid)
  expect(readlinkSync(`/proc/${pid}/cwd`)).toBe(paths.state)
})

test('kill -9 leaves nothing that hinders the next start, and events go on without gap or double', async () => {
  const paths = pathsIn(temporaryDirectory())
  const reader = await start(paths)
  const seen: number[] = []
  const texts: unknown[] = []
  const abort = new AbortController()
  const following = (async () => {
    for await (const event of reader.client.events({ after: 0, signal: abort.signal })) {
      seen.push(event.seq)
      if (event.type === 'agent.said') texts.push(event.data?.text)
      if (event.data?.text === 'last') break
    }
  })()
  const downtimes: number[] = []
  for (let round = 0; round < 3; round++) {
    const { client, pid } = round === 0 ? reader : await start(paths)
    for (let i = 0; i < 20; i++)
      await client.call('say', { params: { id: 't-1' }, body: { text: `${round}.${i}` } })
    signalProcess(pid, 'SIGKILL')
    await gone(pid)
    expect(existsSync(paths.socket)).toBe(true)
    const before = performance.now()
    await start(paths)
    downtimes.push(performance.now() - before)
  }
  const { client } = await start(paths)
  await client.call('say', { params: { id: 't-1' }, body: { text: 'last' } })
  await following
  abort.abort()
  expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => index + 1))
  expect(texts).toHaveLength(3 * 20 + 1)
  console.log(`API back after kill -9, process start included: ${downtimes.map(Math.round).join(', ')} ms`)
})

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s stops it in time, also with a request that hangs',
  async (signal) => {
    const paths = pathsIn(temporaryDirectory())
    const { client, pid } = await start(paths)
    client.call('say', { params: { id: 't-1' }, body: { text: 'hang' } }).catch(() => {})
    const types: string[] = []
    const abort = new AbortController()
    const following = (async () => {
      for await (const { type } of client.events({ after: 0, signal: abort.signal, patienceMs: 10 }))
        types.push(type)
    })().catch(() => {})
    await expect.poll(() => types).toContain('daemon.started')
    signalProcess(pid, signal)
    await gone(pid)
    expect(existsSync(paths.socket)).toBe(false)
    await following
    expect(types).toContain('daemon.stopped')
    const log = readFileSync(paths.log, 'utf8')
    expect(log).toContain('"stopped"') // not cut off
    expect((await start(paths)).pid).not.toBe(pid)
  },
)

test('stop answers first, then the daemon goes; streams end with it', async () => {
  const paths = pathsIn(temporaryDirectory())
  const { client, pid } = await start(paths)
  expect(await client.call('stop', { body: {} })).toEqual({ stoppedAgents: 0 })
  await gone(pid)
  expect(readFileSync(paths.output, 'utf8')).toBe('')
  await expect(client.call('health')).rejects.toMatchObject({ code: 'E_DAEMON' })
})

test.each(['crash', 'reject'])('what nobody caught (%s) is logged and ends it', async (text) => {
  const paths = pathsIn(temporaryDirectory())
  const { client, pid } = await start(paths)
  await client.call('say', { params: { id: 't-1' }, body: { text } }).catch(() => {})
  await gone(pid)
  expect(readFileSync(paths.log, 'utf8')).toContain('"crashed"')
  expect(readFileSync(paths.output, 'utf8')).not.toBe('')
  await start(paths)
})

test.each([
  ['stop that hangs', 'stuck', 'socket', 'stopping takes too long'],
  ['start that hangs', 'waits', 'store', 'stopping takes too long'],
  ['stop that fails', 'fails', 'socket', 'did not stop in order'],
] as const)(
  'a %s is cut off, and is no failure after which a service starts it again',
  async (_, how, sign, told) => {
    const paths = pathsIn(temporaryDirectory())
    const env = { HOME: paths.state, ORCH_STATE_DIR: paths.state, ONLY_API_DAEMON: how }
    const daemon = spawnDetached([process.execPath, program], { env })
    onTestFinished(() => void daemon.kill('SIGKILL'))
    const code = new Promise((resolve) => daemon.once('exit', resolve))
    await expect.poll(() => existsSync(paths[sign])).toBe(true)
    daemon.kill('SIGTERM')
    expect(await code).toBe(0)
    expect(readFileSync(paths.log, 'utf8')).toContain(told)
  },
)

test('a daemon that dies at its start says why', async () => {
  const paths = pathsIn(temporaryDirectory())
  const broken = start(paths, { env: { ONLY_API_DAEMON: 'broken' } })
  await expect(broken).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: expect.stringContaining('this daemon is broken'),
    fix: expect.stringContaining(paths.log),
  })
  const misconfigured = start(paths, { env: { ORCH_TOTAL_AGENTS: 'many' } })
  await expect(misconfigured).rejects.toMatchObject({
    code: 'E_DAEMON',
    message: expect.stringMatching(/E_CONFIG: ORCH_TOTAL_AGENTS(?![\s\S]*this daemon is broken)/),
  })
  await start(paths)
})

test('with apiPort it answers on loopback too, to who knows the token', async () => {
  const paths = pathsIn(temporaryDirectory())
  const { pid } = await start(paths, { env: { ORCH_API_PORT: '0' } })
  const { port } = JSON.parse(readFileSync(paths.apiPort, 'utf8'))
  const token = readFileSync(paths.token, 'utf8').trim()
  const ask = (authorization: string) =>
    fetch(`http://127.0.0.1:${port}/v1/health`, { headers: { authorization } })
  expect((await ask('Bearer wrong')).status).toBe(401)
  expect(await (await ask(`Bearer ${token}`)).json()).toMatchObject({ pid })
  expect(statSync(paths.token).mode & 0o777).toBe(0o600)
})
