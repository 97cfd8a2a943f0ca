import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TaskId } from '../../src/id.ts'
import { startHosts, type TestHost, type TestHosts } from '../support/hosts.ts'
import { agent, until } from '../support/orch.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'

/** Hosts that hang, die and lose the network: nothing is lost, nothing is run by two at once, late writes are refused. */

const QUICK = {
  ORCH_LEASE_SECONDS: '3',
  ORCH_RECONCILE_SECONDS: '0.3',
  ORCH_HEARTBEAT_SECONDS: '1',
}

describe('a host that hangs', () => {
  let all: TestHosts
  let repository: SampleRepository
  beforeAll(async () => {
    repository = await makeRepository({ commits: 2 })
    all = await startHosts(2, QUICK)
  }, 60_000)
  afterAll(() => all?.close())

  const holderOf = async (id: string): Promise<TestHost> => {
    const task = await all.store.tasks.get(id as TaskId)
    const host = all.hosts.find(({ name }) => name === task?.lease?.host)
    if (!host) throw new Error(`nobody holds ${id}`)
    return host
  }

  it('past its lease: its agent ends by itself, another host goes on, and what it does late is refused', {
    timeout: 90_000,
  }, async () => {
    const argv = [agent('traces-itself'), all.traceFile, '600', '10']
    const run = await all.hosts[0]?.orch.submit(repository.path, [
      { driver: 'command', argv, description: 'Work while others hang' },
    ])
    const id = run?.tasks[0]?.id as TaskId
    await until('it runs', () => all.traces().some(({ what }) => what === 'tick'))
    const hung = await holderOf(id)
    process.kill(hung.pid, 'SIGSTOP')
    const lease = (await all.store.tasks.get(id))?.lease?.until ?? 0
    await until('another host has it', async () => (await all.store.tasks.get(id))?.epoch === 2, 60_000)
    const tookOver = Date.now() - lease
    const first = all.traces().filter(({ epoch }) => epoch === 1)
    const ended = first.at(-1)?.at ?? 0
    console.log(
      `taken over ${tookOver} ms after the lease's end; its agent had ended ${lease - ended} ms before`,
    )
    expect(ended).toBeLessThan(lease)
    process.kill(hung.pid, 'SIGCONT')
    await until('accepted', async () => (await all.store.tasks.get(id))?.state === 'accepted', 60_000)
    await until('it answers again', async () => (await hung.orch.pid()) === hung.pid)
    expect(await all.faults([id])).toEqual([])
    const task = await all.store.tasks.get(id)
    expect(task).toMatchObject({ epoch: 2, used: 0, losses: 1 })
    expect((await all.store.tasks.attempts(id)).map(({ outcome }) => outcome)).toEqual(['failed', 'accepted'])
  })
})
