import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { startProxy } from '../../../test/support/proxy.ts'
import { freePort, type RedisServer, startRedis } from '../../../test/support/redis.ts'
import { refused } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { pathsIn } from '../../config/paths.ts'
import { configSchema } from '../../config/schema.ts'
import type { OrchError } from '../../errors.ts'
import { createLog } from '../../log.ts'
import { storeWarnings } from '../handlers/store-view.ts'
import type { Setup } from '../lifecycle.ts'
import { type OpenedStore, openStore } from './open-store.ts'

async function serverWith(...args: string[]): Promise<RedisServer> {
  const server = await startRedis(['--appendonly', 'yes', ...args])
  onTestFinished(() => server.dispose())
  return server
}

function setupFor(redis: unknown, env: Record<string, string> = {}, state = temporaryDirectory()): Setup {
  const paths = pathsIn(state)
  const config = configSchema.parse({ ...(redis !== undefined && { redis }) })
  const environment = { env, home: state, cwd: state, stdoutTty: false, stdinTty: false }
  return { environment, paths, config, log: createLog(paths.log, 'debug') }
}

async function opened(setup: Setup): Promise<OpenedStore> {
  const it = await openStore(setup)
  onTestFinished(() => it.store.close())
  return it
}

const nowhere = async (more: object = {}) => ({ url: `redis://127.0.0.1:${await freePort()}`, ...more })

test('without the setting it is the embedded store', async () => {
  const { store, facts } = await opened(setupFor(undefined))
  expect(store.exchange).toBeUndefined()
  expect(await facts()).toEqual({ kind: 'embedded', warnings: [] })
})

test('with it, it is the shared one, and says where', async () => {
  const { url } = await serverWith()
  const { store, facts } = await opened(setupFor(url))
  expect(await facts()).toEqual({
    kind: 'redis',
    cluster: 'orch',
    place: url,
    reach: { state: 'up', since: expect.any(Number) },
    warnings: [],
  })
  expect(store.exchange?.reach().state).toBe('up')
})

test('there is one daemon a state directory, whichever store it opens', async () => {
  const { url } = await serverWith()
  const state = temporaryDirectory()
  const first = await openStore(setupFor(url, {}, state))
  await refused('E_STORE_LOCKED', openStore(setupFor(url, {}, state)))
  await refused('E_STORE_LOCKED', openStore(setupFor(undefined, {}, state)))
  await first.store.close()
  const embedded = await openStore(setupFor(undefined, {}, state))
  await embedded.store.journal.append([{ type: 'daemon.started', at: 1 }])
  await refused('E_STORE_LOCKED', openStore(setupFor(url, {}, state)))
  await embedded.store.close()
  // What the embedded store had is untouched by a daemon that only holds its file.
  await (await openStore(setupFor(url, {}, state))).store.close()
  const again = await opened(setupFor(undefined, {}, state))
  expect(await again.store.journal.last()).toBe(1)
})

test('absent at start and required: one error that says where and what to do, and nothing is held', async () => {
  const redis = await nowhere()
  const setup = setupFor(redis)
  const error = (await openStore(setup).catch((thrown) => thrown)) as OrchError
  expect(error).toMatchObject({
    code: 'E_STORE_DOWN',
    exit: 5,
    message: expect.stringContaining('ECONNREFUSED'),
  })
  expect(error.fix).toContain(redis.url)
  expect(error.fix).toContain('redis.required')
  await (await openStore(setupFor(undefined, {}, setup.paths.state))).store.close()
})

test('absent at start and not required: the embedded store, and everybody is told', async () => {
  const redis = await nowhere({ required: false })
  const setup = setupFor(redis)
  const { store, facts } = await opened(setup)
  expect(store.exchange).toBeUndefined()
  const told = await facts()
  expect(told).toMatchObject({ kind: 'embedded', fallback: expect.stringContaining(redis.url) })
  expect(storeWarnings(told)[0]).toMatch(/embedded store is used instead of Redis.*ECONNREFUSED/)
  expect(readFileSync(setup.paths.log, 'utf8')).toContain('embedded store is used instead of Redis')
})

test('a wrong setting is no reason to fall back', async () => {
  const { url } = await serverWith('--maxmemory-policy', 'allkeys-lru', '--maxmemory', '100mb')
  await refused('E_CONFIG', openStore(setupFor({ url, required: false })))
})

test.each([
  [{ url: 'redis://redis.example.org:6379' }],
  [{ url: 'redis://ann@10.0.0.1' }],
  [{ sentinels: ['127.0.0.1:1', 'other:2'] }],
  [{ url: 'redis://[2001:db8::1]:6379' }],
  [{ url: 'redis://127.0.0.1.example.org' }],
])('%j without a password is refused before anything is asked', async (redis) => {
  const error = (await openStore(setupFor({ ...redis, required: false })).catch(
    (thrown) => thrown,
  )) as OrchError
  expect(error).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('no password') })
})

test('the password is in the variable that is named; it, and that of a URL, are shown nowhere', async () => {
  const server = await serverWith('--requirepass', 'geheim')
  const named = { url: server.url, password: 'REDIS_SECRET' }
  const missing = (await openStore(setupFor(named)).catch((thrown) => thrown)) as OrchError
  expect(missing).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining('REDIS_SECRET') })
  await opened(setupFor(named, { REDIS_SECRET: 'geheim' }))

  const inUrl = setupFor(server.url.replace('//', '//:geheim@'))
  const { facts } = await opened(inUrl)
  expect((await facts()).place).toBe(server.url.replace('//', '//:***@'))
  const wrong = setupFor(server.url.replace('//', '//:verkehrt@'))
  const error = (await openStore(wrong).catch((thrown) => thrown)) as OrchError
  expect(error).toMatchObject({
    code: 'E_STORE_DOWN',
    message: expect.stringContaining('does not let us in'),
  })
  expect(JSON.stringify(error.toBody())).not.toContain('verkehrt')
  expect(readFileSync(inUrl.paths.log, 'utf8')).not.toContain('geheim')
})

test('what is wrong with it is told in the status', async () => {
  const server = await serverWith()
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.dispose())
  await server.ask('config', 'set', 'appendonly', 'no')
  const { store, facts } = await opened(setupFor(proxy.url))
  expect((await facts()).warnings.join()).toContain('append-only')
  const isDown = new Promise((resolve) => store.exchange?.onReach(resolve))
  proxy.cut()
  await isDown
  const told = await facts()
  expect(told.reach?.state).toBe('down')
  expect(storeWarnings(told)).toEqual([expect.stringContaining('agents go on')])
})

const hasOpenssl = (() => {
  try {
    return execFileSync('openssl', ['version']).length > 0
  } catch {
    return false
  }
})()

/** A CA of the test's own, a certificate for 127.0.0.1 and one for clients. */
function certificates() {
  const directory = temporaryDirectory('orch-tls')
  const at = (name: string) => join(directory, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore', cwd: directory })
  const key = ['-newkey', 'rsa:2048', '-nodes', '-days', '2']
  openssl('req', '-x509', ...key, '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.crt')
  for (const name of ['server', 'client']) {
    const san = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE']
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=${name}`,
      ...san,
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
    )
  }
  return at
}

test.skipIf(!hasOpenssl)('TLS: with its CA and a certificate, not without', async () => {
  const at = certificates()
  const tlsPort = await freePort()
  const files = [
    '--tls-cert-file',
    at('server.crt'),
    '--tls-key-file',
    at('server.key'),
    '--tls-ca-cert-file',
    at('ca.crt'),
  ]
  await serverWith('--tls-port', `${tlsPort}`, ...files)
  const url = `rediss://127.0.0.1:${tlsPort}`
  const whole = { url, ca: at('ca.crt'), cert: at('client.crt'), key: at('client.key') }
  const { store } = await opened(setupFor(whole))
  await store.exchange?.answer('alpha', async () => ({ value: 1 }))
  expect(await store.exchange?.call('alpha', { verb: 'v', input: 0 }, 5_000)).toBe(1)

  await refused('E_STORE_DOWN', openStore(setupFor({ url })))
  await refused('E_STORE_DOWN', openStore(setupFor({ url, ca: at('ca.crt') })))
  await refused(
    'E_STORE_DOWN',
    openStore(
      setupFor({
        ...whole,
        url: url.replace('rediss', 'redis'),
        tls: false,
        ca: undefined,
        cert: undefined,
        key: undefined,
      }),
    ),
  )
  await refused('E_CONFIG', openStore(setupFor({ ...whole, ca: at('none.crt') })))
})
