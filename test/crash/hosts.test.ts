import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { TaskId } from '../../src/id.ts'
import type { Task } from '../../src/task/task.ts'
import { startHosts, type TestHost, type TestHosts } from '../support/hosts.ts'
import { agent, until } from '../support/orch.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'
import { share, storm } from '../support/storm.ts'

/** Hosts that hang, die and lose the network: nothing is lost, nothing is run by two at once, late writes are refused. */

const QUICK = {
  ORCH_LEASE_SECONDS: '6',
  ORCH_RECONCILE_SECONDS: '0.3',
  ORCH_HEARTBEAT_SECONDS: '1',
}
const LONG = { timeout: 90_000 }

describe('one task and two hosts', () => {
  let all: TestHosts
  let repository: SampleRepository
  beforeAll(async () => {
    repository = await makeRepository({ commits: 2 })
    all = await startHosts(2, QUICK)
  })
  afterAll(() => all?.close())

  const begin = async (...ticks: number[]): Promise<TaskId> => {
    const argv = [agent('traces-itself'), all.traceFile, ...ticks.map(String)]
    const order = [{ driver: 'command', argv, description: 'Work while others hang' }]
    const id = (await all.hosts[0]?.orch.submit(repository.path, order))?.tasks[0]?.id as TaskId
    await until('it runs', () => all.traces().some(({ task, what }) => task === id && what === 'tick'))
    return id
  }
  const hang = async (id: TaskId): Promise<TestHost> => {
    const host = await all.holderOf(id)
    process.kill(host.pid, 'SIGSTOP')
    onTestFinished(() => goOn(host))
    return host
  }
  const goOn = ({ pid }: TestHost) => void process.kill(pid, 'SIGCONT')
  const when = (id: TaskId, what: string, probe: (task: Task) => boolean) =>
    until(what, async () => probe((await all.store.tasks.get(id)) as Task), 45_000).catch(async (error) => {
      throw new Error(`${error.message}\n${await all.story(id)}`)
    })
  const accepted = (id: TaskId) => when(id, 'accepted', ({ state }) => state === 'accepted')
  const tracesOf = (id: TaskId, epoch: number) =>
    all.traces().filter((trace) => trace.task === id && trace.epoch === epoch)
  const sound = async (id: TaskId, epoch: number) => {
    const faults = await all.faults([id])
    expect(faults.filter(({ task }) => task === id)).toEqual([])
    expect(await all.store.tasks.get(id)).toMatchObject({ epoch, used: 0 })
    for (const { orch, pid } of all.hosts) expect(await orch.pid()).toBe(pid) // no daemon fell over it
  }
  const eventsOf = async (id: TaskId) => (await all.journal()).filter(({ taskId }) => taskId === id)
  const logOf = async (id: TaskId): Promise<string> => {
    const attempt = (await all.store.tasks.attempts(id)).at(-1)
    const host = all.hosts.find(({ name }) => name === attempt?.host)
    return readFileSync(join(host?.orch.paths.attempts ?? '', attempt?.agent ?? '', 'log'), 'utf8')
  }

  it(
    'hangs past its lease: its agent ends by itself, another host goes on, and what it does late is refused',
    LONG,
    async () => {
      const id = await begin(600, 10)
      const hung = await hang(id)
      const lease = (await all.store.tasks.get(id))?.lease?.until ?? 0
      await when(id, 'another host has it', ({ epoch }) => epoch === 2)
      const tookOver = Date.now() - lease
      const ended = tracesOf(id, 1).at(-1)?.at ?? 0
      console.log(
        `taken over ${tookOver} ms after the end of the lease, ${Math.round(lease - ended)} ms before which its agent had ended`,
      )
      expect(ended).toBeLessThan(lease)
      goOn(hung)
      await accepted(id)
      await sound(id, 2)
    },
  )

  it('hangs while its agent ends well: the work is done once, and published once', LONG, async () => {
    const id = await begin(10)
    const hung = await hang(id)
    await until('it ended', () => tracesOf(id, 1).at(-1)?.what === 'end')
    await when(id, 'another host has it', ({ epoch }) => epoch === 2)
    goOn(hung) // the repository lives there: it is where the work goes to
    await accepted(id)
    await sound(id, 2)
    const types = (await eventsOf(id)).map(({ type }) => type)
    expect(types.filter((type) => type === 'pr.opened')).toHaveLength(1)
    expect(types.filter((type) => type === 'pr.updated')).toEqual([])
  })

  it('dies, and its next daemon is there before the end of the lease: the agent goes on', LONG, async () => {
    const id = await begin(40)
    const host = await all.holderOf(id)
    await host.die(500)
    await accepted(id)
    await sound(id, 1)
  })

  it('dies for good: another host takes over, and its agent ends by itself', LONG, async () => {
    const id = await begin(600, 10)
    const host = await all.holderOf(id)
    const back = host.die(15_000)
    await accepted(id)
    await back
    await sound(id, 2)
  })

  it(
    'loses the network for less than its lease: nothing is lost, and nothing is written twice',
    LONG,
    async () => {
      const id = await begin(40)
      const host = await all.holderOf(id)
      await host.loseNetwork(1_200)
      await accepted(id)
      await sound(id, 1)
      const back = (await all.journal()).filter(
        ({ type, data }) => type === 'store.back' && data?.host === host.name,
      )
      expect(back.at(-1)?.data?.downMs).toBeGreaterThan(500)
      const ticks = (await logOf(id)).split('\n').filter((line) => line.startsWith('tick '))
      expect(ticks).toEqual(Array.from({ length: 40 }, (_, index) => `tick ${40 - index}`))
    },
  )

  it('loses the network past its lease: its agent ends by itself, another host goes on', LONG, async () => {
    const id = await begin(600, 10)
    const host = await all.holderOf(id)
    const back = host.loseNetwork(16_000)
    await when(id, 'another host has it', ({ epoch }) => epoch === 2)
    await accepted(id)
    await back
    await until('it is back', async () =>
      (await all.journal()).some(({ type, data }) => type === 'store.back' && Number(data?.downMs) > 10_000),
    )
    await sound(id, 2)
  })

  it('and Redis is restarted: agents go on', LONG, async () => {
    const id = await begin(40)
    await all.redis.kill()
    await all.redis.start()
    await until('accepted', async () =>
      all.store.tasks.get(id).then(
        (task) => task?.state === 'accepted',
        () => false,
      ),
    )
    await sound(id, 1)
  })
})

it('many tasks and three hosts in trouble: none is lost, none run by two at once, nothing late is taken', {
  timeout: 240_000,
}, async () => {
  const lines: string[] = []
  const report = await storm({
    hosts: 3,
    tasks: 80,
    ticks: 3,
    leaseSeconds: 4,
    troubles: 6,
    everyMs: 3_000,
    restarts: 1,
    agentsPerHost: 3,
    withinMs: 200_000,
    log: (line) => lines.push(line),
  })
  const { takeovers, troubles, seconds } = report
  console.log(
    `80 tasks in ${Math.round(seconds)} s; ${JSON.stringify(troubles)}; ${takeovers.length} takeovers, ms after the end of the lease: p50 ${share(takeovers, 0.5)}, p99 ${share(takeovers, 0.99)}`,
  )
  expect(report.faults, lines.join('\n')).toEqual([])
  expect(report.used).toBe(0)
  expect(report.pulls).toBe(80)
})
