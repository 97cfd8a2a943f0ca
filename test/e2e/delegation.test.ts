import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { TaskDetail } from '../../src/api/contract.ts'
import { agent, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A coordinator, three workers and five specialists, as agents of a real daemon: one pull request with what all of them did. */

const program = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')]
const LIMIT_MS = 180_000
const EVERYBODY = ['team', 'w1', 'w2', 'w3', 's1', 's2', 's3', 's4', 's5']

async function team(does: Record<string, string> = {}, settings: Record<string, string> = {}) {
  const orch = await startOrch({ ORCH_TRIES: '2', ORCH_RUNTIME: 'process', ...settings })
  onTestFinished(() => orch.close())
  const meet = temporaryDirectory('orch-meet')
  for (const [name, what] of Object.entries(does)) writeFileSync(join(meet, `${name}.does`), what)
  const specialist = '---\nname: specialist\nlimits:\n  idleMinutes: 0.05\n---\nDo it.\n'
  const sleeps = Object.values(does).includes('sleep')
  const sample = await makeRepository({
    files: { 'README.md': 'x\n', ...(sleeps && { '.orch/profiles/specialist.md': specialist }) },
  })
  const argv = [agent('delegates'), meet, ...program]
  const task = { driver: 'command', argv, description: 'team', title: 'The whole', profile: 'coordinator' }
  const run = await orch.submit(sample.path, [task])
  const named = (tasks: TaskDetail[], name: string) =>
    tasks.find(({ title }) => title === (name === 'team' ? 'The whole' : `Part ${name}`))
  const events = async (...types: string[]) => {
    const found: { type: string; taskId?: string; data?: Record<string, unknown> }[] = []
    for await (const event of orch.client.events({ run: run.id, after: 0, follow: false }))
      if (types.includes(event.type)) found.push(event)
    return found
  }
  const results = async () =>
    (await events('message.sent'))
      .map(({ data }) => data as unknown as { type: string; to: string; payload: Record<string, unknown> })
      .filter(({ type }) => type === 'task_result')
  const finished = () => orch.finished(run.id, LIMIT_MS)
  const begun = () =>
    existsSync(join(meet, 'begun')) ? readFileSync(join(meet, 'begun'), 'utf8').split('\n') : []
  const pulls = async () =>
    (await orch.client.call('pulls', { query: { repo: sample.path, forge: 'local' } })).pulls
  const subjects = async (commit = 'HEAD') => (await sample.git(['log', '--format=%s', commit])).split('\n')
  return { orch, meet, sample, run, named, events, results, finished, begun, pulls, subjects }
}

test.each(['5', '1'])(
  'one pull request with the commits of all, at most %s agents at work at once',
  async (most) => {
    const { finished, pulls, subjects, named, results, events } = await team({}, { ORCH_MAX_AGENTS: most })
    const tasks = await finished()
    expect(
      tasks
        .map(({ title, state, reason }) => [title, state, reason])
        .filter(([, state]) => state !== 'accepted'),
    ).toEqual([])
    expect(tasks).toHaveLength(9)
    const [pull, ...others] = await pulls()
    expect(others).toEqual([])
    expect(pull).toMatchObject({ taskId: named(tasks, 'team')?.id, base: 'main' })
    const all = await subjects(pull?.headCommit)
    for (const name of EVERYBODY) expect(all).toContain(`Work of ${name}`)
    const told = await results()
    expect(told).toHaveLength(8)
    expect(told.map(({ payload }) => payload.merge)).toEqual(Array(8).fill('merged'))
    expect(await events('branch.merged')).toHaveLength(8)
    expect(await events('message.dead')).toEqual([])
  },
  LIMIT_MS,
)

test(
  'one who fails and one who is silent are told of, those who clash are resolved, and the rest goes on',
  async () => {
    const does = { s1: 'clash', s2: 'clash', s3: 'fail', s5: 'sleep' }
    const { finished, pulls, subjects, named, results, sample, begun } = await team(does)
    const tasks = await finished()
    const stateOf = (name: string) => named(tasks, name)?.state
    expect(EVERYBODY.filter((name) => stateOf(name) === 'dead')).toEqual(['s3', 's5'])
    expect(EVERYBODY.filter((name) => stateOf(name) === 'accepted')).toHaveLength(7)
    expect(named(tasks, 's5')?.reason?.code).toBe('idle-limit')
    expect(begun().filter((name) => name === 's3')).toHaveLength(2)
    const [pull, ...others] = await pulls()
    expect(others).toEqual([])
    const all = await subjects(pull?.headCommit)
    for (const name of ['s1', 's2', 's4', 'w1', 'w2', 'w3', 'team']) expect(all).toContain(`Work of ${name}`)
    expect(all).not.toContain('Work of s3')
    const shared = await sample.git(['show', `${pull?.headCommit}:shared.txt`])
    expect(shared.split('\n').sort()).toEqual(['as s1 has it', 'as s2 has it'])
    const told = (await results()).filter(({ to }) => to !== named(tasks, 'team')?.id)
    const by = (status: string) =>
      told.filter(({ payload }) => payload.status === status || payload.merge === status)
    expect(
      by('dead')
        .map(({ to }) => to)
        .sort(),
    ).toEqual([named(tasks, 'w2')?.id, named(tasks, 'w3')?.id].sort())
    expect(by('conflict')).toMatchObject([
      { to: named(tasks, 'w1')?.id, payload: { conflicts: ['shared.txt'] } },
    ])
  },
  LIMIT_MS,
)

test(
  'killed in the middle, the daemon goes on with all of them, and nobody is made twice',
  async () => {
    const does = { s1: 'meet', s4: 'meet', s5: 'meet' }
    const { orch, meet, finished, begun, pulls, subjects, results } = await team(does)
    await until('all have begun', () => EVERYBODY.every((name) => begun().includes(name)), LIMIT_MS)
    await orch.crash()
    writeFileSync(join(meet, 'go'), '')
    const tasks = await finished()
    expect(tasks.map(({ state, attempt }) => [state, attempt])).toEqual(Array(9).fill(['accepted', 1]))
    expect(await pulls()).toHaveLength(1)
    const all = await subjects((await pulls())[0]?.headCommit)
    for (const name of EVERYBODY) expect(all.filter((it) => it === `Work of ${name}`)).toHaveLength(1)
    expect(await results()).toHaveLength(8)
  },
  LIMIT_MS,
)

test(
  'who cancels the coordinator cancels all of them',
  async () => {
    const does = { s1: 'meet', s2: 'meet', s3: 'meet', s4: 'meet', s5: 'meet' }
    const { orch, run, finished, begun, pulls } = await team(does, { ORCH_MAX_AGENTS: '3' })
    await until(
      'specialists are at work',
      () => begun().filter((name) => name.startsWith('s')).length === 3,
      LIMIT_MS,
    )
    const { tasks: before } = await orch.client.call('run', { params: { id: run.id } })
    const coordinator = before.find(({ title }) => title === 'The whole')
    await orch.client.call('cancel', { params: { id: coordinator?.id ?? '' } })
    const tasks = await finished()
    expect(tasks.length).toBeGreaterThan(6) // the third worker may have had no place yet
    expect(new Set(tasks.map(({ state }) => state))).toEqual(new Set(['cancelled']))
    const made = tasks.filter(({ id }) => id !== coordinator?.id)
    expect(new Set(made.map(({ reason }) => reason?.code))).toEqual(new Set(['parent-ended']))
    expect(await pulls()).toEqual([])
  },
  LIMIT_MS,
)
