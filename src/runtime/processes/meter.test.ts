import { type ChildProcess, spawn } from 'node:child_process'
import { getPriority } from 'node:os'
import { expect, onTestFinished, test } from 'vitest'
import { systemClock } from '../../clock.ts'
import { type ExecResult, signalGroup, signalProcess } from '../../exec.ts'
import { createMeter } from './meter.ts'
import { createProcProcessTable } from './proc.ts'
import { createProcScan, parseMeasures, parseRollup } from './proc-scan.ts'
import { createPsScan, parseMeasuredLine } from './ps-scan.ts'
import type { Measured, ProcessScan } from './scan.ts'

const LINUX = process.platform === 'linux'
const MB = 1_000_000

/** A scan that tells what it is given, and how often it was asked. */
function fakeScan(given: { all: Measured[]; own?: Record<number, number> }) {
  const asked = { measure: 0, own: 0 }
  const scan: ProcessScan = {
    everyMs: 1_000,
    measure: async () => {
      asked.measure++
      return given.all
    },
    ownBytes: async (pid) => {
      asked.own++
      return given.own?.[pid]
    },
    threads: (pid) => [pid],
  }
  let now = 10_000
  const clock = { ...systemClock, now: () => now }
  const meter = createMeter({ scan, clock, self: 1_000_000 })
  return { meter, given, asked, pass: (ms: number) => (now += ms) }
}
const one = (pid: number, more: Partial<Measured> = {}): Measured => ({
  pid,
  parent: 1,
  session: pid,
  start: '1',
  rssBytes: 0,
  cpuMs: 0,
  zombie: false,
  ...more,
})

test('all agents share one look a second', async () => {
  const { meter, asked, pass } = fakeScan({
    all: [one(2, { mark: 'a', rssBytes: 5 }), one(3, { mark: 'b' })],
  })
  const all = await Promise.all(['a', 'b', 'c', 'a'].map((agent) => meter.read(agent)))
  expect(all.map((it) => it?.memoryBytes)).toEqual([5, 0, undefined, 5])
  pass(999)
  await meter.read('a')
  expect(asked.measure).toBe(1)
  pass(1)
  await meter.read('a')
  expect(asked).toEqual({ measure: 2, own: 0 })
})

test('the share of a processor is that of the last interval, with children that ended in it', async () => {
  const { meter, given, pass } = fakeScan({ all: [one(2, { mark: 'a', cpuMs: 90_000 })] })
  expect(await meter.read('a')).toEqual({ at: 10_000, processes: 1, memoryBytes: 0 })
  pass(2_000)
  given.all = [one(2, { mark: 'a', cpuMs: 90_500 }), one(3, { parent: 2, cpuMs: 2_500, zombie: true })]
  expect(await meter.read('a')).toMatchObject({ cpuPercent: 150, processes: 1 })
  pass(1_000)
  given.all = [one(2, { mark: 'a', cpuMs: 93_010 })] // it has waited for that child
  expect(await meter.read('a')).toMatchObject({ cpuPercent: 1 })
  pass(1_000)
  given.all = [one(2, { mark: 'a', cpuMs: 10 })]
  expect(await meter.read('a')).toMatchObject({ cpuPercent: 0 })
})

test('shared memory is told apart only for an agent that is over, and not again at once', async () => {
  const all = [one(2, { mark: 'a', rssBytes: 60 }), one(3, { parent: 2, rssBytes: 60 })]
  const { meter, given, asked, pass } = fakeScan({ all, own: { 2: 40, 3: 5 } })
  expect((await meter.read('a', 120))?.memoryBytes).toBe(120)
  expect(asked.own).toBe(0)
  expect((await meter.read('a', 100))?.memoryBytes).toBe(45)
  expect((await meter.read('a', 100))?.memoryBytes).toBe(45)
  expect(asked.own).toBe(2)
  pass(1_000)
  given.all = [one(2, { mark: 'a', rssBytes: 160 }), one(3, { parent: 2, rssBytes: 60 })]
  given.own = { 2: 140, 3: 5 }
  expect((await meter.read('a', 100))?.memoryBytes).toBe(145) // over even without what was shared before
  expect(asked.own).toBe(4)
})

test('what cannot be told apart counts as it is', async () => {
  const { meter } = fakeScan({ all: [one(2, { mark: 'a', rssBytes: 60 })] })
  expect((await meter.read('a', 10))?.memoryBytes).toBe(60)
})

/** A program of this Node with an agent's mark; it says when it is ready. */
async function start(mark: string, script: string): Promise<ChildProcess> {
  const env = { PATH: process.env.PATH ?? '', ORCH_AGENT: mark }
  const child = spawn(process.execPath, ['-e', script], { detached: true, env })
  const table = createProcProcessTable()
  onTestFinished(async () => {
    for (const { pid } of await table.find({ mark: `ORCH_AGENT=${mark}`, groups: [child.pid ?? 0] }))
      signalProcess(pid, 'SIGKILL')
    signalGroup(child.pid, 'SIGKILL')
  })
  await new Promise((resolve) => child.stdout?.once('data', resolve))
  return child
}

/** A child in a session of its own that keeps its parent's environment or not, and holds 200 MB. */
const HOG = `const b = Buffer.alloc(200e6, 1); console.log('ready'); setInterval(() => b[0]++, 1000)`
const parentOf = (script: string, env: string) =>
  `const { spawn } = require('node:child_process')
   const c = spawn(process.execPath, ['-e', ${JSON.stringify(script)}], { detached: true, stdio: ['ignore', 'inherit', 'ignore'], env: ${env} })
   c.unref()
   setInterval(() => {}, 1000)`
const scanned = () => createMeter({ scan: createProcScan(), clock: systemClock })

test.runIf(LINUX)(
  '200 MB in a grandchild with a session of its own and a cleared environment are seen',
  async () => {
    const mark = `meter-${process.pid}`
    await start(mark, parentOf(parentOf(HOG, '{}'), '{}'))
    const reading = await scanned().read(mark, 100 * MB)
    expect(reading?.processes).toBe(3)
    expect(reading?.memoryBytes).toBeGreaterThan(200 * MB)
    expect(reading?.memoryBytes).toBeLessThan(450 * MB)
    expect(await scanned().read(`${mark}0`)).toBeUndefined()
  },
)

test.runIf(LINUX)('a child whose parent ends after it was seen stays the agent’s', async () => {
  const mark = `meter-orphan-${process.pid}`
  const child = await start(mark, parentOf(HOG, '{}'))
  let now = systemClock.now()
  const meter = createMeter({ scan: createProcScan(), clock: { ...systemClock, now: () => now } })
  expect((await meter.read(mark))?.processes).toBe(2)
  const table = createProcProcessTable()
  const [orphan] = (await table.find({ groups: [child.pid ?? 0] })).filter(({ pid }) => pid !== child.pid)
  onTestFinished(() => {
    if (orphan) signalProcess(orphan.pid, 'SIGKILL')
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await ended
  now += 1_000
  expect(await meter.read(mark)).toMatchObject({ processes: 1 })
})

test.runIf(LINUX)('pages that processes share count once', async () => {
  const mark = `meter-shared-${process.pid}`
  // Each sh holds the same 60 MB, because none writes to what it has from its parent.
  const shell = `x=$(head -c 60000000 /dev/zero | tr '\\0' x); (sleep 60; :) & (sleep 60; :) & (sleep 60; :) & sleep 0.2; echo ready; wait`
  await start(
    mark,
    `require('node:child_process').spawn('sh', ['-c', ${JSON.stringify(shell)}], { stdio: 'inherit' })`,
  )
  const resident = (await scanned().read(mark))?.memoryBytes ?? 0
  const own = (await scanned().read(mark, 1))?.memoryBytes ?? 0
  expect(resident - own).toBeGreaterThan(150 * MB)
})

test.runIf(LINUX)('a busy agent is told, and can be put behind all others', async () => {
  const mark = `meter-busy-${process.pid}`
  const child = await start(
    mark,
    `console.log('ready'); const busy = () => { const t = Date.now(); while (Date.now() - t < 50); setImmediate(busy) }; busy()`,
  )
  const meter = scanned()
  expect((await meter.read(mark))?.cpuPercent).toBeUndefined()
  await expect
    .poll(async () => (await meter.read(mark))?.cpuPercent ?? 0, { timeout: 30_000 })
    .toBeGreaterThan(1) // where many want the processor; an idle one has none
  expect(await meter.slow(mark)).toBe(1)
  expect(getPriority(child.pid)).toBe(10)
  expect(await meter.slow(mark)).toBe(0)
})

test('a stat line is read by the numbers of proc(5)', () => {
  const fields = Array.from({ length: 52 }, (_, n) => String(n + 1))
  fields[1] = '(a) b) (c)'
  fields[2] = 'Z'
  expect(parseMeasures(fields.join(' '), 4_096)).toEqual({
    pid: 1,
    parent: 4,
    session: 6,
    start: '22',
    rssBytes: 24 * 4_096,
    cpuMs: 620,
    zombie: true,
    environment: '50',
  })
  expect(parseMeasures('', 4_096)).toBeUndefined()
})

test('mapped files do not count, swapped memory does', () => {
  const text =
    '55-7f ---p 00 00:00 0 [rollup]\nRss: 900 kB\nPss:   500 kB\nPss_File: 100 kB\nSwapPss: 20 kB\n'
  expect(parseRollup(text)).toBe(420 * 1_024)
  expect(parseRollup(text.replace('Pss_File: 100 kB\n', ''))).toBe(520 * 1_024)
  expect(parseRollup('')).toBeUndefined()
})

const LINES = `  501     1   501 S     12345   1:02.50 Mon Nov  2 10:11:12 2026     /usr/local/bin/agent -p HOME=/h ORCH_AGENT=a-1 PATH=/bin
  503   501   501 Z         0   0:00.00 Mon Nov  2 10:11:14 2026     (sleep)
not a line
`
test('ps: memory, time and mark', async () => {
  const result = { code: 0, stdout: LINES, stderr: '' } as ExecResult
  const scan = createPsScan({ exec: async () => result, env: {} })
  const [agent, zombie] = await scan.measure()
  expect(agent).toEqual({
    pid: 501,
    parent: 1,
    session: 501,
    start: 'Mon Nov  2 10:11:12 2026',
    mark: 'a-1',
    rssBytes: 12_345 * 1_024,
    cpuMs: 62_500,
    zombie: false,
  })
  expect(zombie).toMatchObject({ pid: 503, parent: 501, zombie: true })
  expect(parseMeasuredLine(LINES.split('\n')[0]?.replace('1:02.50', '2-03:04:05') ?? '')?.cpuMs).toBe(
    183_845_000,
  )
  const failing = createPsScan({ exec: async () => ({ ...result, code: 1 }), env: {} })
  await expect(failing.measure()).rejects.toMatchObject({ code: 'E_RUNTIME' })
})
