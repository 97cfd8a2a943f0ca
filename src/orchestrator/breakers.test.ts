import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../../test/support/orch.ts'
import {
  beginWith,
  ended,
  order,
  type RealParts,
  realParts,
  surround,
  taskWhen,
} from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'
import { lines, scriptedDriver } from '../../test/support/scripted.ts'
import type { Driver } from '../agent/agent.ts'
import { OrchError } from '../errors.ts'
import { guarded } from '../forge/guarded.ts'
import type { Attempt, Task } from '../task/task.ts'
import { createOrchestrator } from './orchestrator.ts'
import type { Parts } from './parts.ts'

/** Programs whose service is out of order, forges and MCP servers too: what it costs the tasks that need them. */

const QUICK = { breakerFailures: 2, breakerSeconds: 0.4, maxAgents: 20 } as const

/** A driver of one program: a script of the test's. */
const driver = (name: string, script: string): Driver => {
  const own = scriptedDriver(name, { takesProgram: undefined })
  return {
    ...own,
    launch: async (it) => own.launch({ ...it, task: { ...it.task, argv: ['sh', '-c', script] } }),
  }
}
const commits = `${lines.started()}; ${lines.commit('work')}; ${lines.reported()}`
const failsBy = (code: string, final = false) => `${lines.started()}; ${lines.failed(code, final)}; exit 1`
/** Its service is there while the file is. */
const needs = (file: string, code = 'api-error') =>
  `if [ -e ${file} ]; then ${commits}; else ${failsBy(code)}; fi`

async function world(make: (place: string) => Driver[], config: object = {}) {
  const parts = await realParts({ config: { ...QUICK, ...config } })
  const place = parts.paths.state
  const drivers = new Map([...parts.drivers, ...make(place).map((it) => [it.name, it] as const)])
  const { path } = await makeRepository()
  const own: RealParts = { ...parts, drivers }
  return { parts: own, path, file: join(place, 'service') }
}
const ask = async (parts: Parts, repo: string, tasks: object[]): Promise<Task[]> => {
  const orchestrator = await beginWith(parts)
  const all = tasks.map((it) => ({ description: 'Do it', ...it }))
  return orchestrator.submit({ requestId: crypto.randomUUID(), repo, tasks: all, env: {} })
}
const attempts = async ({ store }: Parts, tasks: Task[]): Promise<Attempt[]> =>
  (await Promise.all(tasks.map(({ id }) => store.tasks.attempts(id)))).flat()
const begun = async ({ store }: Parts) =>
  (await store.journal.read({ types: ['agent.started'], limit: 10_000 })).length

it('a service that is down costs some tries, then tasks are put off, and all go through when it is back', async () => {
  const down = (place: string) => [driver('flaky', needs(join(place, 'service')))]
  const { parts, path, file } = await world(down, { totalAgents: 2 })
  const breaker = parts.breakers.of('driver flaky')
  const tasks = await ask(parts, path, Array(6).fill({ driver: 'flaky', tries: 2 }))
  await until('the second trial has failed', () => breaker.view().failures >= 4, 60_000)
  await writeFile(file, '')
  for (const task of tasks) expect(await ended(parts, task)).toMatchObject({ state: 'accepted' })
  expect(breaker.view()).toEqual({ name: 'driver flaky', state: 'closed', failures: 0 })
  const all = await attempts(parts, tasks)
  const put = all.filter(({ outcome }) => outcome === 'postponed')
  expect(put.length).toBeGreaterThanOrEqual(6)
  for (const { reason, driver } of put) {
    expect(reason).toMatchObject({
      code: 'out-of-order',
      message: expect.stringMatching(/^driver flaky is out/),
    })
    expect(driver).toBeUndefined()
  }
  // those that found out, and after that one at a time, which used up nothing
  const failed = all.filter(({ outcome }) => outcome === 'failed')
  expect(await begun(parts)).toBe(6 + failed.length)
  const ends = await Promise.all(tasks.map(({ id }) => parts.store.tasks.get(id)))
  const used = ends.reduce((sum, it) => sum + (it?.used ?? 0), 0)
  expect(used).toBeLessThanOrEqual(3)
  expect(ends.reduce((sum, it) => sum + (it?.losses ?? 0), 0)).toBe(failed.length - used)
  expect(await parts.store.upkeep.check()).toEqual([])
})

it('a fallback that is in order is taken at once, and goes on being taken', async () => {
  const { parts, path } = await world(() => [driver('bad', failsBy('api-error')), driver('good', commits)], {
    breakerSeconds: 600,
  })
  const profile = await parts.profiles.find(path, 'general')
  const profiles = { ...parts.profiles, find: async () => ({ ...profile, fallback: ['good'] }) }
  for (let i = 0; i < 2; i++) await parts.breakers.of('driver bad').note(i, { fault: 'x' })
  const tasks = await ask({ ...parts, profiles }, path, Array(3).fill({ driver: 'bad', tries: 1 }))
  for (const task of tasks) expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
  expect(await attempts(parts, tasks)).toMatchObject(Array(3).fill({ driver: 'good', outcome: 'accepted' }))
})

it('a login that is refused does not kill the tasks that wait', async () => {
  const script = (place: string) =>
    `if [ -e ${join(place, 'service')} ]; then ${commits}; else ${failsBy('login-refused', true)}; fi`
  const { parts, path, file } = await world((place) => [driver('flaky', script(place))])
  for (let i = 0; i < 2; i++) await parts.breakers.of('driver flaky').note(i, { fault: 'x' })
  const [task] = await ask(parts, path, [{ driver: 'flaky', tries: 1 }])
  await until('a trial has failed', () => parts.breakers.of('driver flaky').view().failures >= 3)
  expect(await taskWhen(parts, task as Task, 'waits', ({ state }) => state === 'queued')).toMatchObject({
    used: 0,
  })
  await writeFile(file, '')
  expect(await ended(parts, task as Task)).toMatchObject({ state: 'accepted', used: 0 })
})

it('what is the work’s own fault opens nothing, and programs of tasks have no breaker', async () => {
  const { parts, path } = await world(() => [
    driver('clumsy', failsBy('agent-failed')),
    scriptedDriver('named'),
  ])
  const tasks = await ask(parts, path, [
    ...Array(3).fill({ driver: 'clumsy', tries: 1 }),
    ...Array(3).fill({ driver: 'named', tries: 1, argv: ['sh', '-c', failsBy('api-error')] }),
  ])
  for (const task of tasks) expect(await ended(parts, task)).toMatchObject({ state: 'dead', epoch: 1 })
  expect(parts.breakers.all()).toEqual([{ name: 'driver clumsy', state: 'closed', failures: 0 }])
})

it('a trial whose agent works lets the others through before it is done', async () => {
  const works = (go: string) =>
    `${lines.started()}; [ -e quiet ] || ${lines.event({ type: 'tool.called', id: '1', name: 'Bash' })}; until [ -e ${go} ]; do sleep 0.02; done; ${lines.commit('work')}; ${lines.reported()}`
  const { parts, path, file } = await world((place) => [driver('slow', works(join(place, 'service')))])
  for (let i = 0; i < 2; i++) await parts.breakers.of('driver slow').note(i, { fault: 'x' })
  const tasks = await ask(parts, path, Array(3).fill({ driver: 'slow', tries: 1 }))
  await until('all work', async () => (await begun(parts)) === 3)
  expect(parts.breakers.of('driver slow').view().state).toBe('closed')
  await writeFile(file, '')
  for (const task of tasks) expect(await ended(parts, task)).toMatchObject({ state: 'accepted', used: 0 })
})

it('a trial that is cancelled leaves its place to the next', async () => {
  const silent = (place: string) =>
    `if [ -e ${join(place, 'service')} ]; then ${commits}; else ${lines.started()}; exec sleep 600; fi`
  const { parts, path, file } = await world((place) => [driver('silent', silent(place))])
  for (let i = 0; i < 2; i++) await parts.breakers.of('driver silent').note(i, { fault: 'x' })
  const orchestrator = createOrchestrator(parts)
  await orchestrator.begin()
  const make = () => order(orchestrator, path, '', { driver: 'silent', argv: undefined })
  const first = await make()
  await taskWhen(parts, first, 'works', ({ state }) => state === 'working')
  expect(parts.breakers.of('driver silent').view().state).toBe('half-open')
  const second = await make()
  await taskWhen(parts, second, 'is put off', ({ reason }) => reason?.code === 'out-of-order')
  await writeFile(file, '')
  await orchestrator.cancel(first.id)
  expect(await ended(parts, second)).toMatchObject({ state: 'accepted', used: 0 })
  await orchestrator.end()
})

it('a trial that waits for a person leaves its place to the next', async () => {
  const silent = (place: string) =>
    `if [ -e ${join(place, 'service')} ]; then ${commits}; else ${lines.started()}; exec sleep 600; fi`
  const { parts, path, file } = await world((place) => [driver('silent', silent(place))])
  for (let i = 0; i < 2; i++) await parts.breakers.of('driver silent').note(i, { fault: 'x' })
  const orchestrator = await beginWith(parts)
  const make = () => order(orchestrator, path, '', { driver: 'silent', argv: undefined })
  const first = await make()
  const turns = () => parts.store.journal.read({ types: ['turn.started'] })
  await until('its turn began', async () => (await turns()).length > 0)
  expect(parts.breakers.of('driver silent').view().state).toBe('half-open')
  await writeFile(file, '')
  await orchestrator.interrupt(first.id)
  expect(await ended(parts, await make())).toMatchObject({ state: 'accepted', used: 0 })
  expect(await parts.store.tasks.get(first.id)).toMatchObject({ waitingFor: 'input' })
  await orchestrator.cancel(first.id)
})

it('a forge that is down when work begins puts it off', async () => {
  const { parts, path } = await world(() => [], { totalAgents: 1 })
  let asked = 0
  const down = surround(parts, async (name, call) => {
    if (name !== 'forge.base') return call()
    asked++
    if (asked <= 4) throw new OrchError('E_FORGE', 'no answer', { details: { retryable: true } })
    return call()
  })
  const forge = guarded(down.forges.local, async () => parts.breakers.of('forge x'))
  const own = { ...down, forges: { local: forge, github: forge } }
  const tasks = await ask(
    own,
    path,
    Array(6).fill({ driver: 'command', argv: ['sh', '-c', 'echo > work'], tries: 3 }),
  )
  for (const task of tasks) expect(await ended(parts, task)).toMatchObject({ state: 'accepted' })
  const all = await attempts(parts, tasks)
  const put = all.filter(({ outcome }) => outcome === 'postponed')
  expect(put.length).toBeGreaterThan(0)
  for (const { reason } of put)
    expect(reason).toMatchObject({ code: 'E_FORGE', message: expect.stringMatching(/^forge x is out/) })
})

it('an MCP server that is down does too', async () => {
  const { parts, path } = await world(() => [])
  let broken = true
  const ready: Parts['mcpServers']['ready'] = async (...args) => {
    if (broken)
      throw new OrchError('E_MCP_FAILED', 'the MCP server a: down', {
        details: { breaker: 'mcp a', until: parts.clock.now() + 300 },
      })
    return parts.mcpServers.ready(...args)
  }
  const [task] = await ask({ ...parts, mcpServers: { ...parts.mcpServers, ready } }, path, [
    { driver: 'command', argv: ['sh', '-c', 'echo > work'], tries: 1 },
  ])
  await taskWhen(
    parts,
    task as Task,
    'is put off twice',
    ({ epoch, state }) => state === 'queued' && epoch >= 2,
  )
  broken = false
  expect(await ended(parts, task as Task)).toMatchObject({ state: 'accepted', used: 0 })
})
