import { rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { EventView } from '../../src/api/contract.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/** A fleet whose agent program has no service for a while: the driver `claude` over test/fixtures/agents/claude. */

const directory = fileURLToPath(new URL('../fixtures/agents/claude', import.meta.url))
const TASKS = 8

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({
    PATH: [directory, process.env.PATH].join(delimiter),
    ORCH_BREAKER_FAILURES: '2',
    ORCH_BREAKER_SECONDS: '0.5',
    ORCH_TOTAL_AGENTS: '2',
    ORCH_RUNTIME: 'process',
  })
})
afterAll(() => orch.close())

const breaker = async () => {
  const { breakers } = await orch.client.call('status', { query: {} })
  return breakers.find(({ name }) => name === 'driver claude')
}
async function eventsOf(...types: string[]): Promise<EventView[]> {
  const events: EventView[] = []
  for await (const event of orch.client.events({ after: 0, follow: false })) events.push(event)
  return events.filter(({ type }) => types.includes(type))
}

it('is put off while it is down, tried by one at a time, and goes through when it is back', async () => {
  expect(await breaker()).toEqual({ name: 'driver claude', state: 'closed', failures: 0 })
  const { path } = await makeRepository()
  const file = join(orch.stateDir, 'service')
  const task = { driver: 'claude', description: `[[needs-service]] service ${file} must be up`, tries: 2 }
  const { id } = await orch.submit(path, Array(TASKS).fill(task))
  await until('two trials have failed', async () => ((await breaker())?.failures ?? 0) >= 4, 60_000)
  expect(await breaker()).toMatchObject({ error: expect.stringContaining('API Error: 500') })
  writeFileSync(file, '')
  const done = await orch.finished(id, 90_000)
  rmSync(file)
  expect(done).toMatchObject(Array(TASKS).fill({ state: 'accepted' }))
  expect(await breaker()).toEqual({ name: 'driver claude', state: 'closed', failures: 0 })
  const attempts = done.flatMap((it) => it.attempts)
  expect(attempts.filter(({ outcome }) => outcome === 'postponed').length).toBeGreaterThanOrEqual(TASKS)
  expect(done.reduce((sum, { used }) => sum + used, 0)).toBeLessThanOrEqual(3)

  // after it has opened, one attempt is begun for each time that it opens again
  const events = await eventsOf('breaker.opened', 'breaker.closed')
  const opened = events.filter(({ type }) => type === 'breaker.opened')
  expect(opened.length).toBeGreaterThanOrEqual(3)
  expect(events.slice(opened.length).map(({ type }) => type)).toEqual(['breaker.closed'])
  const late = attempts.filter((it) => it.outcome === 'failed' && it.startedAt > (opened[0]?.at ?? ''))
  expect(late.length).toBeLessThanOrEqual(opened.length - 1)
  expect(opened[0]?.data).toMatchObject({ name: 'driver claude', failures: 2, error: expect.any(String) })
}, 180_000)

it('begins closed after a restart of the daemon', async () => {
  const { path } = await makeRepository()
  const description = '[[api-error]] never'
  const run = await orch.submit(path, Array(2).fill({ driver: 'claude', description, tries: 1 }))
  await orch.finished(run.id)
  expect(await breaker()).toMatchObject({ state: 'open', failures: 2 })
  await orch.crash()
  expect(await breaker()).toEqual({ name: 'driver claude', state: 'closed', failures: 0 })
})
