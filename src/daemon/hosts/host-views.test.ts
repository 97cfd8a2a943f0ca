import { expect, test } from 'vitest'
import { OrchError } from '../../errors.ts'
import type { Exchange, Host } from '../../store/store.ts'
import type { Task } from '../../task/task.ts'
import { hostsFor, unmetOf, viewHosts } from './host-views.ts'

const NOW = 1_000_000
const host = (name: string, offers: string[], seenAt = NOW): Host => ({
  name,
  instance: name,
  offers,
  capacity: 2,
  running: 1,
  version: '1.0.0',
  pid: 7,
  address: `ann@${name}`,
  joinedAt: 0,
  seenAt,
})
const queued = (id: string, labels: string[], state = 'queued') =>
  ({ id, state, spec: { driver: 'command', labels } }) as unknown as Task

function partsWith(known: Host[] | OrchError, behind = 0) {
  return {
    host: 'alpha',
    hosts: {
      offers: () => [],
      known: async () => {
        if (known instanceof OrchError) throw known
        return known
      },
    },
    clock: { now: () => NOW },
    config: { heartbeatSeconds: 30 },
    store: { exchange: { clockOffset: () => behind } as unknown as Exchange },
  } as unknown as Parameters<typeof hostsFor>[0]
}

test('a host as the API shows it', async () => {
  const offers = ['driver:claude', 'host:alpha', 'label:gpu', 'label:linux']
  const [alpha, beta] = await viewHosts(
    partsWith([host('alpha', offers), host('beta', [], NOW - 90_001), host('gamma', [], NOW - 90_000)]),
  )
  expect(alpha).toEqual({
    name: 'alpha',
    state: 'up',
    here: true,
    labels: ['gpu', 'linux'],
    drivers: ['claude'],
    agents: { running: 1, limit: 2 },
    version: '1.0.0',
    pid: 7,
    address: 'ann@alpha',
    joinedAt: new Date(0).toISOString(),
    seenAt: new Date(NOW).toISOString(),
  })
  expect(beta).toMatchObject({ state: 'stale', here: false })
})

test('tasks that no host that is up can take are told together, by what they need', async () => {
  const parts = partsWith([host('alpha', ['label:gpu']), host('beta', ['label:tpu'], 0)])
  const tasks = [
    ...['t-1', 't-2', 't-3', 't-4', 't-5'].map((id) => queued(id, ['tpu'])),
    queued('t-6', ['gpu']),
    queued('t-7', []),
    queued('t-8', ['mac', 'arm', 'gpu']),
    queued('t-9', ['tpu'], 'accepted'),
  ]
  const { hosts, warnings } = await hostsFor(parts, tasks)
  expect(hosts.map(({ name }) => name)).toEqual(['alpha', 'beta'])
  expect(warnings).toEqual([
    'no host has label:tpu: nobody can take t-1, t-2, t-3 and 2 more',
    'no host has label:arm, label:mac: nobody can take t-8',
  ])
  expect(await unmetOf(parts, queued('t-1', ['tpu']))).toEqual(['label:tpu'])
  expect(await unmetOf(parts, queued('t-6', ['gpu']))).toBeUndefined()
  expect(await unmetOf(parts, queued('t-9', ['tpu'], 'accepted'))).toBeUndefined()
})

test('hosts of different versions are told, as far as they are up', async () => {
  const old = (name: string, seenAt = NOW) => ({ ...host(name, [], seenAt), version: '0.9.0' })
  const all = [host('alpha', []), old('beta'), host('gamma', []), old('delta', 0)]
  const { warnings } = await hostsFor(partsWith(all), [])
  expect(warnings).toEqual([
    'hosts run different versions of Orch (1.0.0 on alpha, gamma; 0.9.0 on beta): bring all to one',
  ])
  expect((await hostsFor(partsWith([host('alpha', []), old('delta', 0)]), [])).warnings).toEqual([])
})

test('while the store is down nobody knows who is there, and the status says all else', async () => {
  const down = new OrchError('E_STORE_DOWN', 'no Redis')
  expect(await hostsFor(partsWith(down), [])).toEqual({ hosts: [], warnings: [] })
  await expect(hostsFor(partsWith(new OrchError('E_STORE', 'broken')), [])).rejects.toThrow('broken')
})

test.each([
  [2_000, undefined],
  [-2_000, undefined],
  [5_250, 'the clock of alpha is 5.3 s behind that of Redis'],
  [-7_000, 'the clock of alpha is 7.0 s ahead of that of Redis'],
])('a clock that is %d ms behind', async (behind, told) => {
  const { warnings } = await hostsFor(partsWith([host('alpha', [])], behind), [])
  expect(warnings).toEqual(told ? [expect.stringContaining(told)] : [])
})
