import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { AgentCommunicationBus } from '../../src/api/communication-bus.ts'
import { examine } from '../../src/daemon/doctor/doctor.ts'
import { exec } from '../../src/exec.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { startProxy } from '../support/proxy.ts'
import { freePort, startRedis } from '../support/redis.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A daemon of its own and a Redis that is not there, or goes: what a person is told. */

const EMBEDDED = { ORCH_REDIS: '', ORCH_CLUSTER: 'start' }

async function orchWith(settings: Record<string, string>): Promise<Orch> {
  const orch = await startOrch({ ...EMBEDDED, ...settings })
  onTestFinished(() => orch.close())
  return orch
}

function configFile(text: string): { ORCH_CONFIG: string } {
  const file = join(temporaryDirectory('orch-config'), 'config.yaml')
  writeFileSync(file, text)
  return { ORCH_CONFIG: file }
}

const findings = async ({ env, stateDir }: Orch, name: string) => {
  const environment = { env, home: env.HOME ?? stateDir, cwd: stateDir, stdoutTty: false, stdinTty: false }
  const all = await examine({ exec, environment, platform: 'linux', daemon: async () => undefined })
  return all.filter((it) => it.name === name)
}

test('required and absent: the first command says so in one error, and that it was Redis', async () => {
  const port = await freePort()
  const error = await startOrch({ ...EMBEDDED, ORCH_REDIS: `redis://127.0.0.1:${port}` }).catch(
    (thrown) => thrown,
  )
  expect(error).toMatchObject({
    code: 'E_STORE_DOWN',
    exit: 5,
    message: expect.stringMatching(/^Redis cannot be reached: connect ECONNREFUSED/),
    fix: expect.stringContaining(`redis://127.0.0.1:${port}`),
  })
  expect(error.message).not.toContain('\n')
})

test('not required and absent: it works alone, and status, log and doctor say so', async () => {
  const place = `redis://127.0.0.1:${await freePort()}`
  const orch = await orchWith(configFile(`redis: { url: "${place}", required: false }\n`))
  const status = await orch.client.call('status', { query: {} })
  expect(status.store).toMatchObject({ kind: 'embedded', fallback: expect.stringContaining(place) })
  expect(status.warnings[0]).toContain('embedded store is used instead of Redis')
  expect(await findings(orch, 'redis')).toMatchObject([
    { state: 'warn', found: expect.stringContaining('required') },
  ])
})

test('lost under way: the status is there and says so, and then that it is back', async () => {
  const server = await startRedis(['--appendonly', 'yes'])
  onTestFinished(() => server.dispose())
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.dispose())
  const orch = await orchWith({ ORCH_REDIS: proxy.url })
  const status = () => orch.client.call('status', { query: {} })
  expect((await status()).store).toMatchObject({ kind: 'redis', place: proxy.url, reach: { state: 'up' } })
  expect(await findings(orch, 'redis')).toMatchObject([
    { state: 'ok', found: expect.stringContaining(proxy.url) },
  ])

  proxy.cut()
  const lost = await until('it is told', async () => {
    const it = await status()
    return it.store.reach?.state === 'down' && it
  })
  expect(lost.warnings.join()).toContain('agents go on')
  expect(await findings(orch, 'redis')).toMatchObject([
    { state: 'fail', found: expect.stringContaining(proxy.url) },
  ])
  proxy.resume()
  await until('it is back', async () => (await status()).store.reach?.state === 'up')
})

test('lost under way: a program that reads and one that writes go on when it is back', async () => {
  const server = await startRedis(['--appendonly', 'yes'])
  onTestFinished(() => server.dispose())
  const proxy = await startProxy(server.port)
  onTestFinished(() => proxy.dispose())
  const orch = await orchWith({ ORCH_REDIS: proxy.url })
  const bus = await AgentCommunicationBus.connect({ stateDir: orch.stateDir })
  onTestFinished(() => bus.close())
  const got: unknown[] = []
  await bus.registerAgent({ name: 'ear' })
  await bus.registerAgent({ name: 'mouth' })
  bus.subscribe(async ({ payload }) => void got.push((payload as { text: string }).text), { agent: 'ear' })
  const say = (text: string) =>
    bus.sendMessage({ from: 'mouth', to: 'ear', type: 'warning', payload: { text } })
  await say('before')
  await until('it has come', () => got.length === 1)
  for (const trouble of ['cut', 'hold'] as const) {
    proxy[trouble]()
    const sent = say(trouble)
    await until('it is told', async () => {
      const { store } = await orch.client.call('status', { query: {} })
      return store.reach?.state === 'down'
    })
    proxy.resume()
    await sent
    await until('it has come', () => got.includes(trouble))
  }
  expect(new Set(got)).toEqual(new Set(['before', 'cut', 'hold']))
  // One that waited in the middle of the trouble has come at once, not with the next look after half a minute.
  const { messages } = await orch.client.call('messages', { query: { to: 'ear' } })
  for (const { sentAt, deliveredAt } of messages)
    expect(Date.parse(deliveredAt ?? '') - Date.parse(sentAt)).toBeLessThan(20_000)
})
