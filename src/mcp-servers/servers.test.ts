import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TWO_TOOLS } from '../../test/fixtures/mcp/answers.ts'
import { mcpFixture } from '../../test/support/mcp.ts'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { createBreakers } from '../breakers.ts'
import { systemClock } from '../clock.ts'
import { type Env, spawnPiped } from '../exec.ts'
import { silentLog } from '../log.ts'
import type { Declared } from './declared.ts'
import type { McpServer } from './mcp-servers.ts'
import { createMcpServers } from './servers.ts'

const MINUTE = 60_000
const env: Env = { PATH: process.env.PATH ?? '', HOME: '/nonexistent' }

/** Servers whose tools a test writes down, and how often a server was started. */
function world(origin: Declared['origin'] = 'user') {
  const place = temporaryDirectory('mcp')
  const file = (name: string) => join(place, `${name}.json`)
  const starts = join(place, 'starts')
  const offer = (name: string, tools: object[]) => writeFileSync(file(name), JSON.stringify(tools))
  const script = 'echo "$0" >> "$1"; shift; exec "$@"'
  const serverOf = (name: string): McpServer => ({
    name,
    command: ['sh', '-c', script, name, starts, ...mcpFixture('changes-its-tools', file(name))],
    env: [],
  })
  const declared = new Map<string, Declared>()
  const declare = (name: string, server: McpServer = serverOf(name)) => declared.set(name, { server, origin })
  for (const name of ['a', 'b']) {
    declare(name)
    offer(name, TWO_TOOLS)
  }
  const time = { now: 1_000_000 }
  const clock = { ...systemClock, now: () => time.now }
  const breakers = createBreakers({ clock, failures: 2, seconds: 30, changed: () => {} })
  const pins = join(place, 'pins.json')
  const daemon = () =>
    createMcpServers({
      declared: async () => declared,
      pins,
      spawnPiped,
      findMarked: async () => [],
      version: '0.0.0',
      uuid: () => crypto.randomUUID(),
      clock,
      breakers,
      log: silentLog,
    })
  const started = () => (existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n') : [])
  return { place, pins, servers: daemon(), daemon, declare, serverOf, offer, time, started, breakers }
}

const [add] = TWO_TOOLS

test('a server of the user is pinned at first use, and asked again only after some minutes', async () => {
  const { servers, time, started, pins, place, serverOf } = world()
  expect(await servers.ready(place, ['a', 'a'], env)).toEqual([serverOf('a')])
  await servers.ready(place, ['a'], env)
  expect(started()).toEqual(['a'])
  expect(JSON.parse(readFileSync(pins, 'utf8')).pins).toMatchObject([{ name: 'a' }])
  time.now += 5 * MINUTE
  await servers.ready(place, ['a'], env)
  expect(started()).toEqual(['a', 'a'])
})

test('no names, no work', async () => {
  const { servers, started, place } = world()
  expect(await servers.ready(place, [], env)).toEqual([])
  expect(started()).toEqual([])
})

test('a team that starts at once asks a server once', async () => {
  const { servers, started, place } = world()
  await Promise.all(Array.from({ length: 10 }, () => servers.ready(place, ['a'], env)))
  expect(started()).toEqual(['a'])
})

test('agents whose PATH differs from that of their caller do not make it start again', async () => {
  const { servers, started, place } = world()
  await servers.ready(place, ['a'], env)
  await servers.ready(place, ['a'], { ...env, PATH: `/orch/bin:${env.PATH}`, HOME: '/private/home' })
  expect(started()).toEqual(['a'])
})

test('what was asked with other values of its variables says nothing of these', async () => {
  const { servers, started, place, declare, serverOf } = world()
  declare('a', { ...serverOf('a'), env: ['KEY'] } as McpServer)
  await servers.ready(place, ['a'], { ...env, KEY: 'one' })
  await servers.ready(place, ['a'], { ...env, KEY: 'two' })
  expect(started()).toEqual(['a', 'a'])
})

test('changed tools are told, refused after a restart too, and had again when they are approved', async () => {
  const { servers, daemon, place, offer } = world()
  await servers.ready(place, ['a', 'b'], env)
  offer('a', [
    { ...add, description: 'Adds, and more.' },
    { name: 'tell', inputSchema: { type: 'object' } },
  ])
  const restarted = daemon()
  await expect(restarted.ready(place, ['a', 'b'], env)).rejects.toMatchObject({
    code: 'E_MCP_CHANGED',
    message: 'the MCP server a: tool changed: add; tool appeared: tell; tool vanished: say',
    details: { servers: [{ name: 'a', state: 'changed' }] },
  })
  expect(await restarted.check(place, [], env)).toMatchObject([{ state: 'changed' }, { state: 'ready' }])
  expect(await restarted.approve(place, ['a'], env)).toMatchObject([
    { name: 'a', state: 'ready', tools: [{ name: 'add' }, { name: 'tell' }] },
  ])
  expect(await daemon().ready(place, ['a', 'b'], env)).toHaveLength(2)
})

test("a repository's server is not started before somebody approves it", async () => {
  const { servers, place, started } = world('project')
  await expect(servers.ready(place, ['a'], env)).rejects.toMatchObject({
    code: 'E_MCP_UNAPPROVED',
    fix: expect.stringContaining('orch mcp approve a'),
    message: `the MCP server a: ${place}/.orch/config.yaml declares it, and nobody approved it`,
  })
  expect(await servers.check(place, [], env)).toMatchObject([
    { name: 'a', state: 'unapproved', tools: [] },
    { name: 'b', state: 'unapproved', tools: [] },
  ])
  expect(started()).toEqual([])
  expect(await servers.check(place, ['a'], env)).toMatchObject([
    { state: 'unapproved', tools: [{ name: 'add' }, { name: 'say' }] },
  ])
  await servers.approve(place, ['a'], env)
  expect(await servers.ready(place, ['a'], env)).toHaveLength(1)
  expect(await servers.list(place)).toMatchObject([
    { server: { name: 'a' }, origin: 'project', approval: 'approved', tools: 2 },
    { server: { name: 'b' }, origin: 'project', approval: 'none' },
  ])
  const elsewhere = temporaryDirectory('other')
  await expect(servers.ready(elsewhere, ['a'], env)).rejects.toMatchObject({ code: 'E_MCP_UNAPPROVED' })
})

test('one that is declared otherwise is not started either', async () => {
  const { servers, place, started, declare } = world('project')
  await servers.approve(place, ['a'], env)
  const before = started()
  declare('a', { name: 'a', command: ['sh', '-c', `echo bad >> ${place}/starts`], env: [] })
  await expect(servers.ready(place, ['a'], env)).rejects.toMatchObject({
    code: 'E_MCP_CHANGED',
    message: 'the MCP server a: its declaration changed',
  })
  expect(await servers.list(place)).toMatchObject([{ approval: 'outdated' }, { approval: 'none' }])
  expect(started()).toEqual(before)
})

test('an approval is taken back', async () => {
  const { servers, place } = world('project')
  await servers.approve(place, ['a', 'b'], env)
  expect(await servers.revoke(place, ['a'])).toBe(1)
  expect(await servers.revoke(place, ['a'])).toBe(0)
  await expect(servers.ready(place, ['a'], env)).rejects.toMatchObject({ code: 'E_MCP_UNAPPROVED' })
  expect(await servers.ready(place, ['b'], env)).toHaveLength(1)
})

test('when one fails none is approved', async () => {
  const { servers, place, offer, declare } = world('project')
  declare('b', { name: 'b', command: ['/no/such/program'], env: [] })
  await expect(servers.approve(place, ['a', 'b'], env)).rejects.toMatchObject({
    code: 'E_MCP_FAILED',
    message: 'the MCP server b: /no/such/program cannot be started: ENOENT',
  })
  offer(
    'a',
    [add, add].map((it) => ({ ...it })),
  )
  await expect(servers.approve(place, ['a'], env)).rejects.toMatchObject({
    message: 'the MCP server a: it lists two tools of the name add',
  })
  expect((await servers.list(place)).map(({ approval }) => approval)).toEqual(['none', 'none'])
})

test('a failure is not kept: the next one asks again', async () => {
  const { servers, place, declare, serverOf } = world()
  declare('a', { ...serverOf('a'), env: ['KEY'] } as McpServer)
  await expect(servers.ready(place, ['a'], env)).rejects.toMatchObject({
    code: 'E_MCP_FAILED',
    message: expect.stringContaining('the MCP server a: it needs KEY'),
  })
  expect(await servers.ready(place, ['a'], { ...env, KEY: 'given' })).toHaveLength(1)
})

test('names that are not declared, and none at all', async () => {
  const { servers, place } = world()
  const unknown = {
    code: 'E_INVALID',
    message: 'there is no MCP server "x\\u001b"',
    fix: 'Declared are: a, b.',
  }
  await expect(servers.ready(place, ['a', 'x\u001b'], env)).rejects.toMatchObject(unknown)
  await expect(servers.check(place, ['x\u001b'], env)).rejects.toMatchObject(unknown)
  await expect(servers.approve(place, [], env)).rejects.toMatchObject({ code: 'E_INVALID' })
  await expect(servers.revoke(place, [])).rejects.toMatchObject({ code: 'E_INVALID' })
})

test('damaged pins: nothing counts as approved, nothing is pinned anew', async () => {
  const { servers, place, pins, started } = world()
  writeFileSync(pins, '{"version":1,"pi')
  await expect(servers.ready(place, ['a'], env)).rejects.toMatchObject({ code: 'E_STORE' })
  expect(started()).toEqual([])
})

test('no secret and no control character comes into what is told', async () => {
  const { servers, place, offer, declare, serverOf, pins } = world()
  declare('a', { ...serverOf('a'), env: ['KEY'] } as McpServer)
  const name = 'nice\u001b[2J\u202e'
  offer('a', [{ name, description: 'uses\u0007 tell-nobody', inputSchema: { type: 'object' } }])
  const told = await servers.check(place, ['a'], { ...env, KEY: 'tell-nobody' })
  expect(told).toMatchObject([{ tools: [{ name: 'nice', description: 'uses ***' }] }])
  await servers.ready(place, ['a'], { ...env, KEY: 'tell-nobody' })
  expect(readFileSync(pins, 'utf8')).not.toContain('tell-nobody')
})

test('a server that does not start is left alone after some failures, until one try has found it well', async () => {
  const { servers, breakers, time, place, started, declare, serverOf } = world()
  const broken: McpServer = {
    name: 'a',
    command: ['sh', '-c', 'echo a >> "$0"; exit 3', join(place, 'starts')],
    env: [],
  }
  declare('a', broken)
  const ready = (name = 'a') => servers.ready(place, [name], env)
  await expect(ready()).rejects.toMatchObject({ code: 'E_MCP_FAILED' })
  await expect(ready()).rejects.not.toHaveProperty('details.breaker')
  expect(breakers.of('mcp a').view()).toMatchObject({ state: 'open', failures: 2 })
  const refused = { code: 'E_MCP_FAILED', details: { breaker: 'mcp a', until: time.now + 30_000 } }
  await expect(ready()).rejects.toMatchObject(refused)
  await expect(ready()).rejects.toMatchObject({
    message: expect.stringMatching(/^the MCP server a: it failed 2 times in a row, last with: /),
    fix: expect.stringContaining(new Date(time.now + 30_000).toISOString()),
  })
  expect(started()).toEqual(['a', 'a'])
  await ready('b') // the other one has its own
  // two fail, one of them for its own reasons: that is no matter of a breaker alone
  declare('b', { name: 'b', command: ['false'], env: [] })
  const both = servers.ready(place, ['a', 'b'], env)
  await expect(both).rejects.not.toHaveProperty('details.breaker')
  time.now += 30_000
  await expect(ready()).rejects.toMatchObject({ details: { breaker: 'mcp a' } })
  await expect(ready()).rejects.toHaveProperty('details.until')
  time.now += 60_000
  declare('a', serverOf('a'))
  await ready()
  expect(breakers.of('mcp a').view()).toMatchObject({ state: 'closed', failures: 0 })
})

test('a person who asks is not refused, and what answers is used again at once', async () => {
  const { servers, breakers, place, declare, serverOf } = world()
  declare('a', { name: 'a', command: ['false'], env: [] })
  for (let i = 0; i < 2; i++) await expect(servers.ready(place, ['a'], env)).rejects.toThrow()
  expect(await servers.check(place, ['a'], env)).toMatchObject([{ state: 'failed' }])
  expect(breakers.of('mcp a').view()).toMatchObject({ state: 'open', failures: 2 })
  declare('a', serverOf('a'))
  expect(await servers.check(place, ['a'], env)).toMatchObject([{ state: 'ready' }])
  expect(breakers.of('mcp a').view().state).toBe('closed')
  await servers.ready(place, ['a'], env)
})

test('what the caller lacks is no fault of a server, and servers of two repositories are two', async () => {
  const { servers, breakers, place, declare } = world()
  declare('a', { name: 'a', command: ['false'], env: ['ABSENT_SECRET'] })
  for (let i = 0; i < 3; i++) await expect(servers.ready(place, ['a'], env)).rejects.toThrow(/ABSENT_SECRET/)
  expect(breakers.all()).toEqual([])
  const theirs = world('project')
  await theirs.servers.approve(theirs.place, ['a'], env)
  await theirs.servers.ready(theirs.place, ['a'], env)
  expect(theirs.breakers.all()).toMatchObject([{ name: `mcp a of ${theirs.place}`, state: 'closed' }])
})
