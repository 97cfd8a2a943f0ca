import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { claim, submit } from '../../../test/support/store.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { systemClock } from '../../clock.ts'
import { OrchError } from '../../errors.ts'
import { silentLog } from '../../log.ts'
import type { Reading } from '../../runtime/meter.ts'
import { openSqliteStore } from '../../store/sqlite/sqlite.ts'
import { NO_USAGE, type RunLimits, type TaskLimits, type Usage, type WaitingFor } from '../../task/task.ts'
import { checkRun } from './budget.ts'
import type { Held } from './held.ts'
import { openLimits } from './limits.ts'

const MINUTE = 60_000

interface Given {
  limits?: Partial<TaskLimits>
  run?: RunLimits
}

/** An attempt under way in a real store; the meter, the clock and what the follower knows are turned by the test. */
async function atWork({ limits, run }: Given) {
  const store = await openSqliteStore({ file: join(temporaryDirectory(), 'orch.db') })
  onTestFinished(() => store.close())
  let now = 1_000_000
  const spec = { limits: { wallMs: 10 * MINUTE, outputBytes: 1, ...limits } }
  await submit(store, { ids: ['t-a'], spec, at: now, ...(run && { limits: run }) })
  const { attempt, fence } = await claim(store, { now, leaseMs: 1e9 })
  const task = await store.tasks.start(fence, now)
  const meter = {
    asked: [] as (number | undefined)[],
    slowed: 0,
    reading: undefined as Partial<Reading> | Error | undefined,
    async read(_agent: string, suspectBytes?: number) {
      meter.asked.push(suspectBytes)
      if (meter.reading instanceof Error) throw meter.reading
      return meter.reading && { at: now, processes: 1, memoryBytes: 0, ...meter.reading }
    },
    slow: async () => ++meter.slowed,
  }
  const drivers = new Map([['command', { name: 'command', footprintMegabytes: 100 }]])
  const parts = { store, meter, drivers, log: silentLog, clock: { ...systemClock, now: () => now } }
  const held = { parts, task, attempt, fence, signal: new AbortController().signal } as unknown as Held
  const work = {
    usage: NO_USAGE as Usage,
    lastAt: now,
    waitingFor: undefined as WaitingFor | undefined,
    out: 0,
    read: 0,
  }
  const feed = { usage: () => work.usage, bytes: () => work.read, lastAt: () => work.lastAt }
  const open = () => {
    const opened = openLimits(held)
    return () => opened.check({ feed, place: work }, { outBytes: work.out })
  }
  const pass = (ms: number) => (now += ms)
  const wait = async (what: WaitingFor) => {
    work.waitingFor = what
    await store.tasks.wait(fence, now, what)
  }
  const resume = async () => {
    work.waitingFor = undefined
    await store.tasks.resume(fence, now)
  }
  const notes = async () => (await store.journal.read({ types: ['note'] })).map(({ data }) => data?.text)
  return { held, store, meter, work, open, pass, wait, resume, notes, fence, task }
}

test('time in which it waits for a quota or a person does not count, after a restart neither', async () => {
  const { open, pass, wait, resume } = await atWork({})
  const check = open()
  pass(9 * MINUTE)
  await check()
  await wait('quota')
  await check()
  pass(60 * MINUTE)
  await check()
  await resume()
  const later = open()
  await Promise.all([check(), later()])
  await wait('permission')
  await later()
  pass(60 * MINUTE)
  await Promise.all([later(), open()()])
  await resume()
  await later()
  pass(MINUTE)
  await Promise.all([later(), open()()])
  pass(1)
  for (const late of [later, open()])
    await expect(late()).rejects.toMatchObject({ reason: { code: 'time-limit' }, final: false })
})

test('a wait for a message uses no time', async () => {
  const { open, pass, wait, resume } = await atWork({})
  await wait('message')
  pass(60 * MINUTE)
  await open()()
  await resume()
  pass(9 * MINUTE)
  const check = open()
  await check()
  pass(MINUTE + 1)
  await expect(check()).rejects.toMatchObject({ reason: { code: 'time-limit' } })
})

test('silence is counted from the last output, whoever printed it, and not while it waits', async () => {
  const { open, pass, work, wait, resume } = await atWork({ limits: { idleMs: MINUTE, wallMs: 1e9 } })
  const check = open()
  await check()
  pass(MINUTE)
  work.out = 5 // a set-up step
  await check()
  pass(MINUTE)
  await check()
  work.lastAt += 2 * MINUTE
  await wait('input')
  pass(5 * MINUTE)
  await check()
  await resume()
  pass(MINUTE)
  await check()
  pass(1)
  await expect(check()).rejects.toMatchObject({ reason: { code: 'idle-limit' }, final: false })
})

test('output that was read as it came is no newer when its size is seen', async () => {
  const { open, pass, work } = await atWork({ limits: { idleMs: MINUTE, wallMs: 1e9 } })
  const check = open()
  work.read = 50 // printed after the size was asked for
  await check()
  work.out = 50
  pass(MINUTE + 1)
  await expect(check()).rejects.toMatchObject({ reason: { code: 'idle-limit' } })
})

test('memory: the limit is on top of the program’s own, and nobody measures without one', async () => {
  const { open, meter } = await atWork({ limits: { memoryBytes: 50e6 } })
  const check = open()
  meter.reading = { memoryBytes: 150e6 }
  await check()
  meter.reading = { memoryBytes: 150e6 + 1 }
  await expect(check()).rejects.toMatchObject({ reason: { code: 'memory-limit' }, final: false })
  expect(meter.asked).toEqual([150e6, 150e6])
  const free = await atWork({})
  await free.open()()
  expect(free.meter.asked).toEqual([])
})

test('a machine that cannot be measured ends nobody, and nobody is measured in a quota pause', async () => {
  const { open, meter, wait } = await atWork({ limits: { memoryBytes: 1 } })
  meter.reading = new OrchError('E_RUNTIME', 'ps failed')
  await open()()
  await wait('quota')
  meter.reading = { memoryBytes: 1e12 }
  await open()()
  expect(meter.asked).toHaveLength(1)
})

test('a share of processors ends nobody: who takes more for ten seconds is put behind the others, and told once', async () => {
  const { open, meter, pass, notes } = await atWork({ limits: { cpuPercent: 100 } })
  const check = open()
  for (let second = 0; second < 25; second++) {
    pass(1_000)
    meter.reading = { cpuPercent: second === 5 ? 100 : 180 }
    await check()
    await check() // the same reading again
  }
  expect(meter.slowed).toBe(1)
  expect(await notes()).toEqual([expect.stringContaining('takes 180 % of a processor; its share is 100 %')])
})

test('tokens, turns and money are final', async () => {
  const { open, work } = await atWork({ limits: { turns: 1, tokens: 10, costUsd: 1 } })
  const check = open()
  work.usage = { ...NO_USAGE, turns: 1, inputTokens: 10, costUsd: 1 }
  await check()
  for (const [more, code] of [
    [{ turns: 2 }, 'turn-limit'],
    [{ outputTokens: 1 }, 'token-limit'],
    [{ costUsd: 1.1 }, 'cost-limit'],
  ] as const) {
    const usage = { ...work.usage, ...more }
    const before = work.usage
    work.usage = usage
    await expect(check()).rejects.toMatchObject({ reason: { code }, final: true })
    work.usage = before
  }
})

test('a limit in dollars that cannot be kept is told once', async () => {
  const { open, work, notes } = await atWork({ limits: { costUsd: 1 } })
  const check = open()
  await check()
  expect(await notes()).toEqual([])
  work.usage = { ...NO_USAGE, turns: 1 }
  await check()
  await check()
  expect(await notes()).toEqual([expect.stringContaining('command does not tell what it costs')])
})

test('a run ends with all its attempts together, at once or soon; then none begins', async () => {
  const { held, store, open, pass, work, fence, task } = await atWork({ run: { tokens: 100 } })
  const check = open()
  work.usage = { ...NO_USAGE, inputTokens: 60 }
  await store.tasks.progress(fence, { attempt: { usage: work.usage } })
  await check()
  await checkRun(held.parts, task)
  await store.tasks.progress(fence, { attempt: { usage: { ...NO_USAGE, inputTokens: 101 } } }) // as another attempt would
  pass(4_999)
  await check()
  pass(1)
  const refused = { reason: { code: 'run-limit' }, final: true }
  await expect(check()).rejects.toMatchObject(refused)
  await expect(checkRun(held.parts, task)).rejects.toMatchObject(refused)
})

test('the time of a run counts from its submission, pauses included', async () => {
  const { open, pass, wait } = await atWork({ run: { wallMs: MINUTE } })
  await wait('quota')
  pass(MINUTE)
  await open()()
  pass(1)
  await expect(open()()).rejects.toMatchObject({ reason: { code: 'run-limit' }, final: true })
})
