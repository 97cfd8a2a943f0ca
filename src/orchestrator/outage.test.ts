import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../../test/support/orch.ts'
import { beginWith, ended, order, realParts, surround, taskWhen } from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'
import { localExchange } from '../../test/support/two-hosts.ts'
import { OrchError } from '../errors.ts'
import type { Reach } from '../store/store.ts'
import { LEASE_MARGIN_MS } from './lease.ts'
import type { Parts } from './parts.ts'

/** A host whose store goes out of reach and comes back, when the test says so. */
async function host(config: Parameters<typeof realParts>[0] = {}) {
  const real = await realParts(config)
  const listeners = new Set<(reach: Reach) => void>()
  const calls: string[] = []
  let reach: Reach = { state: 'up', since: 0 }
  const exchange = {
    ...localExchange(),
    reach: () => reach,
    onReach(listener: (reach: Reach) => void) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  const guarded = surround(real, async (name, call) => {
    if (!/^(tasks|journal|mailboxes)\./.test(name)) return call()
    calls.push(name)
    if (reach.state === 'down') throw new OrchError('E_STORE_DOWN', 'out of reach')
    return call()
  })
  const parts: Parts = { ...guarded, store: { ...guarded.store, exchange } }
  const become = (state: Reach['state']) => {
    reach = { state, since: Date.now() }
    for (const listener of listeners) listener(reach)
  }
  return { parts, real, calls, become }
}

const leaseOf = (parts: Parts, agent: string) =>
  Number(readFileSync(join(parts.directories.path(agent), 'lease'), 'utf8')) * 1_000

it('nothing is asked of a store that is out of reach; afterwards all goes on as before', async () => {
  const { parts, real, calls, become } = await host()
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const first = await order(
    orchestrator,
    path,
    'i=0; while [ $i -lt 12 ]; do echo tick $i; i=$((i+1)); sleep 0.1; done; echo work >a.txt',
  )
  await taskWhen(real, first, 'works', ({ state }) => state === 'working')
  become('down')
  await new Promise((resolve) => setTimeout(resolve, 300)) // its drive has heard of it
  const before = calls.length
  await new Promise((resolve) => setTimeout(resolve, 600))
  expect(calls.length - before).toBeLessThan(10)
  become('up')
  expect(await ended(real, first)).toMatchObject({ state: 'accepted', epoch: 1 })
  const [attempt] = await real.store.tasks.attempts(first.id)
  const log = (await real.directories.readLog(attempt?.agent ?? '', 0, 10_000)).toString()
  expect(log.match(/tick \d+/g)).toEqual(Array.from({ length: 12 }, (_, index) => `tick ${index}`))
  const [back] = await real.store.journal.read({ types: ['store.back'] })
  expect(Number(back?.data?.downMs)).toBeGreaterThan(800)
  calls.length = 0
  await until(
    'it rescues and looks for work',
    () => calls.includes('tasks.rescue') && calls.includes('tasks.claim'),
  )
})

it('an agent may work until shortly before the end of the lease, as the store has confirmed it', async () => {
  const { parts, real } = await host({ config: { leaseSeconds: 2 } })
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const task = await order(orchestrator, path, 'sleep 30')
  await taskWhen(real, task, 'works', ({ state }) => state === 'working')
  const agent = (await real.store.tasks.attempts(task.id))[0]?.agent ?? ''
  const first = statSync(join(parts.directories.path(agent), 'lease')).mtimeMs
  await until('it was renewed', () => statSync(join(parts.directories.path(agent), 'lease')).mtimeMs > first)
  const held = await real.store.tasks.get(task.id)
  expect((held?.lease?.until ?? 0) - leaseOf(parts, agent)).toBeGreaterThanOrEqual(LEASE_MARGIN_MS - 1_000)
  await orchestrator.cancel(task.id)
})

it('what another host has taken over is left: its agent ends, and its work is saved', async () => {
  const { parts, real } = await host({ config: { leaseSeconds: 2 } })
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const task = await order(orchestrator, path, 'echo half >half.txt; sleep 30')
  await taskWhen(real, task, 'works', ({ state }) => state === 'working')
  const agent = (await real.store.tasks.attempts(task.id))[0]?.agent ?? ''
  const later = Date.now() + 60_000
  await real.store.tasks.rescue('other', later)
  await real.store.tasks.claim({ host: 'other', now: later, leaseMs: 60_000, agent: () => 'other-agent-2' })
  await until('its agent has ended', async () => (await real.directories.status(agent)).state === 'exited')
  await until('nobody drives it', () => orchestrator.running() === 0)
  expect(await real.store.tasks.get(task.id)).toMatchObject({ epoch: 2, lease: { host: 'other' } })
  await until('its work is saved', async () => {
    const subject = await real.git.in(path)(['log', '-1', '--format=%s', task.spec.branch])
    return subject.includes('Work saved from attempt 1')
  })
})
