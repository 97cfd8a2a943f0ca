import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../../../test/support/orch.ts'
import { beginWith, ended, order, realParts, surround, taskWhen } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { OrchError } from '../../errors.ts'

const WORK = 'echo work >work.txt'
const check = (script: string) => ({
  run: ['sh', '-c', script] as [string, ...string[]],
  required: true,
  timeoutMinutes: 10,
})
const started = (file: string) =>
  until('the check runs', () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n'))

it.each(['merge', 'squash'] as const)(
  'work that a person merges (%s) while the forge is away is proven',
  async (method) => {
    const parts = await realParts()
    const { path } = await makeRepository()
    let merged = false
    const late = surround(parts, async (name, call) => {
      if (name !== 'parts.runChecks' || merged) return call()
      merged = true
      const [pull] = await parts.forges.local.list(path)
      await parts.forges.local.merge(path, pull!.number, { method, expectedHead: pull!.headCommit })
      throw new OrchError('E_FORGE', 'out of reach')
    })
    const task = await order(await beginWith(late), path, WORK)
    const done = await ended(parts, task)
    expect(done).toMatchObject({
      state: 'accepted',
      epoch: 1,
      proof: { filesChanged: ['work.txt'], commits: 1 },
    })
    expect(await parts.forges.local.list(path)).toHaveLength(1)
    const notes = await parts.store.journal.read({ taskId: task.id, types: ['note'] })
    expect(notes).toMatchObject([{ data: { text: 'the proof waits: out of reach' } }])
  },
)

it('new work after the pull request was merged gets one of its own', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const orchestrator = await beginWith(parts)
  const task = await order(orchestrator, path, `date +%N >>work.txt`, { tries: 1 })
  await ended(parts, task)
  const { headCommit } = await parts.forges.local.get(path, 1)
  await parts.forges.local.merge(path, 1, { method: 'merge', expectedHead: headCommit })
  // the next task goes on on the same branch, as a retry does
  const second = await parts.store.tasks.submit(
    { id: 'r-2', requestId: 'second-run', repo: path, createdAt: 1 },
    [{ id: 't-222222222222', spec: { ...task.spec } }],
  )
  const done = await ended(parts, second.tasks[0]!)
  expect(done).toMatchObject({ state: 'accepted', proof: { pullRequest: { number: 2 } } })
})

it('settings that are broken while the proof is looked for are waited for', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  let broken = false
  const edited = surround(parts, async (name, call) => {
    if (name === 'forge.open') broken = true
    if (name === 'parts.settings' && broken) throw new OrchError('E_CONFIG', 'config.yaml: half a line')
    return call()
  })
  const task = await order(await beginWith(edited), path, WORK, { tries: 1 })
  await until(
    'it says why it waits',
    async () => (await parts.store.journal.read({ types: ['note'] })).length > 0,
  )
  broken = false
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})

it('a check that does not end holds up neither a cancel nor the end, and is not taken for red', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const file = join(parts.paths.state, 'check')
  const checks = { slow: check(`[ -e ${file} ] && exit 0; echo $$ >${file}; sleep 1000`) }
  const settings = async () => ({ ...parts.config, checks })
  const first = await beginWith({ ...parts, settings })
  const task = await order(first, path, WORK, { tries: 1 })
  await started(file)
  await first.end()
  await expect.poll(() => existsSync(`/proc/${readFileSync(file, 'utf8').trim()}`)).toBe(false)
  await beginWith({ ...parts, settings })
  expect(await ended(parts, task)).toMatchObject({
    state: 'accepted',
    epoch: 1,
    proof: { checks: [{ name: 'slow' }] },
  })
})

it('cancel does not wait for a check', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const file = join(parts.paths.state, 'check')
  const settings = async () => ({ ...parts.config, checks: { slow: check(`echo $$ >${file}; sleep 1000`) } })
  const orchestrator = await beginWith({ ...parts, settings })
  const task = await order(orchestrator, path, WORK)
  await started(file)
  expect(await orchestrator.cancel(task.id)).toMatchObject({ state: 'cancelled' })
})

it('checks find the variables that the caller handed on', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const settings = async () => ({ ...parts.config, checks: { own: check('[ "$HANDED" = on ]') } })
  const orchestrator = await beginWith({ ...parts, settings })
  const body = { driver: 'command', argv: ['sh', '-c', WORK], description: 'Do it', tries: 1 }
  const [task] = await orchestrator.submit({
    requestId: 'handed-on',
    repo: path,
    tasks: [body],
    env: { HANDED: 'on' },
  })
  expect(await ended(parts, task!)).toMatchObject({ state: 'accepted' })
})

it('who finds the work of a lost attempt complete need not commit again', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const script = `[ -e work.txt ] && exit; ${WORK}; git add work.txt; git commit -qm work; kill -9 $PPID; sleep 1000`
  const task = await order(await beginWith(parts), path, script, { tries: 1 })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 2, used: 0 })
})

it('the pull request that Orch opens is told with its task and run', async () => {
  const parts = await realParts()
  const { path } = await makeRepository()
  const task = await order(await beginWith(parts), path, WORK)
  await taskWhen(parts, task, 'is accepted', ({ state }) => state === 'accepted')
  const [opened] = await parts.store.journal.read({ types: ['pr.opened'] })
  expect(opened).toMatchObject({ taskId: task.id, runId: task.runId, data: { number: 1 } })
})
