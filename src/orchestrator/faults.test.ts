import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
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
import { type ErrorCode, OrchError } from '../errors.ts'
import { exec } from '../exec.ts'
import { createProcessTable } from '../runtime/processes/system.ts'
import { type Task, workOf } from '../task/task.ts'
import { createCrew } from './crew.ts'
import type { Parts } from './parts.ts'
import { createStrays } from './strays.ts'

/** What the machine does to an attempt that is none of its fault. */

/** The n first calls of `name` fail. */
function failing(parts: Parts, name: string, times: number, code: ErrorCode): Parts {
  let left = times
  return surround(parts, async (called, call) => {
    if (called === name && left-- > 0) throw new OrchError(code, `${name} fails`)
    return call()
  })
}
const agentOf = async (parts: Parts, { id }: Task) =>
  (await parts.store.tasks.attempts(id)).at(-1)?.agent ?? ''
const begun = async (parts: RealParts, task: Task) => {
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  const agent = await agentOf(parts, task)
  await until('it says so', async () => (await parts.directories.readLog(agent, 0, 100)).includes('begun'))
  return agent
}
const WORK = 'echo work >work.txt'

it.each([
  ['workspaces.setAside', 'E_GIT'],
  ['workspaces.remove', 'E_WORKSPACE'],
  ['tasks.accept', 'E_STORE'],
] as const)('proven work is accepted although %s fails', async (name, code) => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const orchestrator = await beginWith(failing(parts, name, 1, code))
  const task = await order(orchestrator, path, WORK)
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
})

it.each([
  ['tasks.progress', 'E_STORE'],
  ['directories.appendLog', 'E_DISK_FULL'],
] as const)('no agent is stopped because %s fails for a while', async (name, code) => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const go = join(parts.paths.state, 'go')
  let left = 2
  const faulty = surround(parts, async (called, call) => {
    if (called === name && existsSync(go) && left-- > 0) throw new OrchError(code, `${name} fails`)
    return call()
  })
  const script = `while ! [ -e ${go} ]; do sleep 0.05; done; echo begun; ${WORK}`
  const task = await order(await beginWith(faulty), path, script, { tries: 1 })
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  await writeFile(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})

it('a session that cannot be closed does not hold up the proof', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const close = async () => {
    throw new OrchError('E_PROGRAM_MISSING', 'there is no tmux any more')
  }
  const runtimes = { ...parts.runtimes, process: { ...parts.runtimes.process, close } }
  const task = await order(await beginWith({ ...parts, runtimes }), path, WORK)
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})

it('no agent is stopped because its runtime cannot tell who watches it', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const orchestrator = await beginWith(failing(parts, 'runtime.watchers', 2, 'E_RUNTIME'))
  const task = await order(orchestrator, path, `sleep 0.1; ${WORK}`)
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})

it('a repository that is gone ends the task instead of holding it for ever', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const task = await order(
    await beginWith(parts),
    path,
    'echo begun; while [ -e ../../../go ]; do :; done; sleep 1; exit 1',
  )
  await begun(parts, task)
  await rm(path, { recursive: true, force: true })
  const dead = await ended(parts, task)
  expect(dead).toMatchObject({ state: 'dead', reason: { code: 'E_NOT_A_REPOSITORY' } })
  const [saved] = await parts.store.journal.read({ taskId: task.id, types: ['work.saved'] })
  expect(saved?.data).toMatchObject({ committed: false, lost: expect.stringContaining(task.id) })
})

it('an attempt whose profile is gone by its end comes to it', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let gone = false
  const find: Parts['profiles']['find'] = async (...asked) => {
    if (gone) throw new OrchError('E_INVALID', 'there is no such profile')
    return parts.profiles.find(...asked)
  }
  const drivers = new Map([['scripted', scriptedDriver('scripted')]])
  const there = surround({ ...parts, drivers, profiles: { ...parts.profiles, find } }, async (name, call) => {
    gone ||= name === 'tasks.start'
    return call()
  })
  const script = [lines.started(), lines.failed('login-refused', true)].join('\n')
  const task = await order(await beginWith(there), path, script, { driver: 'scripted' })
  expect(await ended(parts, task)).toMatchObject({ state: 'dead', reason: { code: 'login-refused' } })
})

it('an agent whose shim was killed is lost: tried again, and no try is used up', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const script = `[ -e half.txt ] && { ${WORK}; exit; }; echo half >half.txt; echo begun; kill -9 $PPID; sleep 1000`
  const task = await order(await beginWith(parts), path, script, { tries: 1 })
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 2, used: 0, losses: 1 })
  expect(workOf(done.proof)?.filesChanged).toEqual(['half.txt', 'work.txt'])
})

it('an attempt whose directory is gone is lost, and nothing of it runs on beside the next', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const script = `[ -e half.txt ] && { ${WORK}; exit; }; echo half >half.txt; echo begun; sleep 1000`
  const task = await order(await beginWith(parts), path, script, { tries: 1 })
  const agent = await begun(parts, task)
  await rm(parts.directories.path(agent), { recursive: true })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 2, used: 0 })
  const { find } = createProcessTable({ platform: process.platform, exec, env: {} })
  expect(await find({ pids: [], groups: [], sessions: [], mark: `ORCH_AGENT=${agent}` })).toEqual([])
})

it('an agent that was long in coming has its whole time to start', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let ahead = 0
  const clock = { ...parts.clock, now: () => parts.clock.now() + ahead }
  let started = 0
  const slow = surround({ ...parts, clock }, async (name, call) => {
    if (name === 'workspaces.prepare') ahead += 60_000
    if (name === 'runtime.start' && started++ === 0) return undefined as never // the shim is not there yet
    return call()
  })
  const task = await order(await beginWith(slow), path, WORK, { tries: 1 })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})

it.each([129, 143])('a set-up step that was ended by a signal (%i) is tried again', async (status) => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const once = join(parts.paths.state, 'once')
  const run: [string, ...string[]] = ['sh', '-c', `[ -e ${once} ] || { : >${once}; exit ${status}; }`]
  const settings = async () => ({ ...parts.config, setup: [{ run }] })
  const task = await order(await beginWith({ ...parts, settings }), path, WORK)
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 2 })
})

it('strays are ended once, not again and again', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const first = await beginWith(parts)
  const task = await order(first, path, 'echo begun; kill -9 $PPID; sleep 1000')
  await begun(parts, task)
  await first.end()
  await parts.store.tasks
    .cancel(task.id, 1, { code: 'cancelled', message: 'and then it died' })
    .catch(() => {})
  const strays = createStrays(
    parts,
    createCrew(parts, () => {}),
  )
  expect(await strays.find()).toHaveLength(1)
  expect(await strays.end()).toHaveLength(1)
  expect(await strays.end()).toEqual([])
})
