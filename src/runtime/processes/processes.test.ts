import { type ChildProcess, spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { type ExecResult, signalGroup } from '../../exec.ts'
import { createProcProcessTable, parseStat } from './proc.ts'
import { createPsProcessTable, parsePsLine } from './ps.ts'

const LINUX = process.platform === 'linux'
const start = (script: string, env: Record<string, string> = {}): ChildProcess => {
  const child = spawn('sh', ['-c', script], { detached: true, env: { PATH: process.env.PATH ?? '', ...env } })
  onTestFinished(() => {
    signalGroup(child.pid, 'SIGKILL')
  })
  return child
}
const said = (child: ChildProcess) =>
  new Promise<string>((resolve) => child.stdout?.once('data', (it) => resolve(`${it}`)))

test.runIf(LINUX)('/proc: by group, session and mark, with descendants that have none of them', async () => {
  const table = createProcProcessTable()
  const child = start('env -i setsid sleep 60 & sleep 60 & echo ready; wait', { ORCH_AGENT: 'proc-test' })
  await said(child)
  const { pid = 0 } = child
  const all = await table.find({ mark: 'ORCH_AGENT=proc-test' })
  expect(all).toHaveLength(3)
  expect((await table.find({ groups: [pid] })).map((it) => it.pid).sort()).toEqual(
    all.map((it) => it.pid).sort(),
  )
  expect(await table.find({ sessions: [pid] })).toHaveLength(3)
  expect(await table.find({ mark: 'ORCH_AGENT=proc' })).toEqual([])
  expect(await table.find({})).toEqual([])
  const leader = all.find((it) => it.pid === pid)
  expect(await table.alive(pid, leader?.start ?? '')).toBe(true)
  expect(await table.alive(pid, '1')).toBe(false)
})

test.runIf(LINUX)('/proc: a zombie is dead', async () => {
  const child = start('sleep 0.1 & echo $!; exec sleep 60')
  const zombie = Number(await said(child))
  const table = createProcProcessTable()
  const [found] = await table.find({ pids: [zombie] })
  for (let n = 0; n < 200 && (await table.alive(zombie, found?.start ?? '')); n++)
    await new Promise((r) => setTimeout(r, 10))
  expect(await table.alive(zombie, found?.start ?? '')).toBe(false)
  expect(await table.find({ groups: [child.pid ?? 0] })).toHaveLength(1)
})

test.runIf(LINUX)('/proc: never this very process', async () => {
  const found = await createProcProcessTable().find({ pids: [process.pid, 1] })
  expect(found.map((it) => it.pid)).not.toContain(process.pid)
  expect(found.map((it) => it.pid)).not.toContain(1)
})

test('a stat line whose name holds brackets and spaces', () => {
  const stat = `42 (a) b) (c) S 7 8 9 ${Array.from({ length: 15 }, (_, n) => n).join(' ')} 12345 0 0`
  expect(parseStat(stat)).toEqual({ pid: 42, parent: 7, group: 8, session: 9, start: '12345' })
  expect(parseStat(stat.replace(' S ', ' Z '))).toBe(undefined)
  expect(parseStat('')).toBe(undefined)
})

const SAMPLE = `    1     0     1 Ss   Mon Nov  2 09:00:01 2026     /sbin/launchd
  501     1   501 S    Mon Nov  2 10:11:12 2026     /usr/local/bin/agent -p x HOME=/Users/sam ORCH_AGENT=a-1 PATH=/bin
  502   501   502 S+   Mon Nov  2 10:11:13 2026     sleep 1000
  503   501   501 Z    Mon Nov  2 10:11:14 2026     (sleep)
  600     1   600 S    Mon Nov  2 10:11:15 2026     other ORCH_AGENT=a-10

not a line
`
test('ps: its lines are read, and the search works on them', async () => {
  const exec = async () => ({ code: 0, stdout: SAMPLE, stderr: '' }) as ExecResult
  const table = createPsProcessTable({ exec, env: {} })
  expect((await table.find({ mark: 'ORCH_AGENT=a-1' })).map((it) => it.pid)).toEqual([501, 502])
  expect((await table.find({ groups: [600] })).map((it) => it.pid)).toEqual([600])
  expect(await table.alive(501, 'Mon Nov  2 10:11:12 2026')).toBe(true)
  expect(await table.alive(501, 'Mon Nov  2 10:11:13 2026')).toBe(false)
  expect(await table.alive(503, 'Mon Nov  2 10:11:14 2026')).toBe(false)
  expect(parsePsLine('  PID  PPID')).toBe(undefined)
})

test('ps: a failure is not an empty machine', async () => {
  const exec = async () => ({ code: 1, stdout: '', stderr: 'no' }) as ExecResult
  await expect(createPsProcessTable({ exec, env: {} }).alive(1, '')).rejects.toMatchObject({
    code: 'E_RUNTIME',
  })
})
