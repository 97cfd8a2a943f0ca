import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Config } from '../../src/config/schema.ts'
import { resultFile } from '../../src/orchestrator/attempt/result.ts'
import { createOrchestrator } from '../../src/orchestrator/orchestrator.ts'
import { mortal } from '../support/mortal.ts'
import { beginWith, ended, order, type RealParts, realParts, surround } from '../support/parts.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'
import { overRedis } from '../support/store-choice.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** The daemon killed between any two steps of a task: before a call of a port begins, or just after it was done. */

const CHECKS: Partial<Config> = {
  checks: { test: { run: ['test', '-e', 'work.txt'], required: true, timeoutMinutes: 1 } },
}
const config: Partial<Config> = { ...CHECKS, ports: 1, setup: [{ run: ['true'] }] }

/** Calls on the way of one task, and how many of each are tried. */
const MOMENTS: Record<string, number> = {
  'tasks.claim': 1,
  'mailboxes.open': 1,
  'tasks.get': 1,
  'tasks.attempts': 1,
  'directories.status': 2,
  'forge.base': 2,
  'workspaces.prepare': 1,
  'tasks.progress': 2,
  'parts.applySetup': 1,
  'parts.freePorts': 1,
  'workspaces.agentEnv': 1,
  'directories.prepare': 1,
  'runtime.start': 1,
  'tasks.start': 1,
  'directories.read': 1,
  'directories.appendLog': 1,
  'tasks.report': 1,
  'directories.stop': 1,
  'workspaces.save': 1,
  'forge.fetch': 1,
  'forge.compare': 1,
  'forge.head': 2,
  'forge.push': 1,
  'forge.find': 1,
  'forge.open': 1,
  'parts.runChecks': 1,
  'forge.checks': 1,
  'tasks.verify': 1,
  'workspaces.setAside': 1,
  'workspaces.remove': 1,
  'tasks.accept': 1,
  // only who shares its store has a lease to lose
  ...(overRedis && { 'directories.hold': 1 }),
}
/** Calls that ask only, or that have nothing to do with this task. */
const BEFORE_OR_BESIDE = new Set([
  ...['mailboxes.expire', 'mailboxes.history', 'mailboxes.find', 'workspaces.head'],
  ...['workspaces.reopen', 'tasks.run', 'directories.file', 'runtime.watchers'],
  ...['tasks.list', 'tasks.rescue', 'tasks.renew', 'tasks.submit', 'runtime.list', 'runtime.ready'],
  ...['repositories.root', 'repositories.inspect', 'repositories.branchNamer', 'repositories.chooseForge'],
  ...[
    'directories.list',
    'directories.errors',
    'journal.read',
    'workspaces.sweep',
    'parts.settings',
    'forge.agentEnv',
  ],
])

let sample: SampleRepository
beforeAll(async () => {
  sample = await makeRepository({ commits: 2, directory: temporaryDirectory('orch-stages') })
})

const script = (marks: string) => `echo $ORCH_AGENT >>${marks}; echo work >work.txt; echo done`
const submit = (orchestrator: Parameters<typeof order>[0], marks: string) =>
  order(orchestrator, sample.path, script(marks), { tries: 1 })

/** Every call between the submission and the end, as `name` and how often. */
async function callsOfOneTask(): Promise<Map<string, number>> {
  const calls = new Map<string, number>()

  const parts = await realParts({ config })
  const orchestrator = await beginWith(
    surround(parts, (name, call) => {
      calls.set(name, (calls.get(name) ?? 0) + 1)
      return call()
    }),
  )
  const done = await ended(parts, await submit(orchestrator, join(parts.paths.state, 'marks')))
  expect(done.state).toBe('accepted')
  return calls
}

async function expectOnce(parts: RealParts, taskId: `t-${string}`, marks: string) {
  const task = await parts.store.tasks.get(taskId)
  expect(task).toMatchObject({ state: 'accepted', epoch: 1 })
  expect(readFileSync(marks, 'utf8').trim().split('\n')).toHaveLength(1)
  const [attempt] = await parts.store.tasks.attempts(taskId)
  const result = JSON.parse(readFileSync(resultFile(parts.paths, task!, attempt!.agent), 'utf8'))
  expect(result).toMatchObject({ status: 'accepted', filesChanged: ['work.txt'], commits: 1 })
  expect(await parts.store.pulls.list(sample.path, { head: task!.spec.branch })).toHaveLength(1)
  expect(existsSync(parts.workspaces.at(sample.path, taskId, '').path)).toBe(false)
  expect(await parts.store.upkeep.check()).toEqual([])
}

describe('killed between two steps', () => {
  it('every call is one of those below', async () => {
    const met = await callsOfOneTask()
    expect([...met.keys()].filter((name) => !(name in MOMENTS) && !BEFORE_OR_BESIDE.has(name))).toEqual([])
  })

  for (const [name, times] of Object.entries(MOMENTS))
    for (let n = 1; n <= times; n++)
      for (const when of ['before', 'after'] as const)
        it(`${when} ${name}${n > 1 ? ` (${n})` : ''}: the next daemon brings it to its end, once`, async () => {
          const state = temporaryDirectory('orch-stage')
          const marks = join(state, 'marks')
          const { around, clock, died } = mortal(name, n, when)
          const first = await realParts({ state, config, clock })
          const orchestrator = createOrchestrator(surround(first, around))
          await orchestrator.begin()
          const task = await submit(createOrchestrator(first), marks)
          await died
          await first.store.close()

          const second = await realParts({ state, config })
          await beginWith(second)
          await ended(second, task)
          await expectOnce(second, task.id, marks)
        })
})
