import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Task } from '../../src/task/task.ts'
import { flag, gate, give, processes, team, types, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, taskWhen } from '../support/parts.ts'
import { lines, scriptedDriver } from '../support/scripted.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What of a conversation outlives the end of a process, of an attempt, of a daemon. */

const { started, reported, commit, until, quota, failed } = lines
const works = ({ state }: Task) => state === 'working'

it('nobody is told that a word was said to an attempt that has failed', async () => {
  const { around, arm, reached, open } = gate('directories.stop')
  const { parts, orchestrator } = await team({ around })
  arm()
  const task = await give(orchestrator, [started(), failed('agent-failed')])
  await reached
  await expect(orchestrator.say(task.id, 'Mind the gap')).rejects.toMatchObject({ code: 'E_STATE' })
  await expect(orchestrator.interrupt(task.id)).rejects.toMatchObject({ code: 'E_STATE' })
  open()
  expect(await ended(parts, task)).toMatchObject({ state: 'dead' })
})

it('a process without the session before is told all that was said', async () => {
  const { parts, orchestrator } = await team({ drivers: [scriptedDriver('scripted', { resumes: false })] })
  const [go, then] = [flag(), flag()]
  const script = processes(
    [started(), until(go), failed('agent-failed')],
    [started(), until(then), reported()],
    [started(), commit('rest'), reported()],
  )
  const task = await give(orchestrator, script, { tries: 2 })
  await taskWhen(parts, task, 'works', works)
  await orchestrator.say(task.id, 'First word')
  writeFileSync(go, '')
  await taskWhen(parts, task, 'works again', ({ state, epoch }) => state === 'working' && epoch === 2)
  await orchestrator.say(task.id, 'Second word')
  writeFileSync(then, '')
  const told = work(await ended(parts, task), 'rest')
  expect(told).toContain('First word')
  expect(told).toContain('Second word')
})

it('a word after which the agent went on makes its giving up undone', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(
    orchestrator,
    processes([started(), until(go), reported()], [started(), commit('rest'), reported('done after all')]),
  )
  const { lease } = await taskWhen(parts, task, 'works', works)
  const fence = { taskId: task.id, epoch: 1, host: lease?.host ?? '' }
  await parts.store.tasks.progress(fence, { attempt: { word: { done: false, summary: 'I cannot' } } })
  await orchestrator.say(task.id, 'You can')
  writeFileSync(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', report: { summary: 'done after all' } })
})

it('the end of a process is told once, however many daemons see it', async () => {
  const state = temporaryDirectory('orch-state')
  const script = processes([started(), quota(Date.now() + 2_500)], [started(), commit('rest'), reported()])
  const first = await team({ state })
  const task = await give(first.orchestrator, script)
  const exits = async (parts: typeof first.parts) =>
    (await types(parts, task)).filter((type) => type === 'agent.exited').length
  await waitUntil('it has ended', async () => (await exits(first.parts)) > 0)
  await first.leave()
  const { parts } = await team({ state })
  await ended(parts, task)
  const told = await parts.store.journal.read({ taskId: task.id, types: ['agent.exited'] })
  expect(told.filter(({ data }) => data?.status === 0 && data.turn === 1)).toHaveLength(1)
  expect(told.length).toBeLessThanOrEqual(2)
})

it('resumes the session of the last attempt that had one', async () => {
  const { parts, orchestrator } = await team()
  const seen = flag()
  const note = `echo "<$SESSION>" >>${seen}`
  const script = processes(
    [note, started('s1'), failed('api-error')],
    [note, failed('api-error')],
    [note, started('s1'), commit('rest'), reported()],
  )
  expect(await ended(parts, await give(orchestrator, script, { tries: 3 }))).toMatchObject({
    state: 'accepted',
  })
  expect(readFileSync(seen, 'utf8')).toBe('<>\n<s1>\n<s1>\n')
})

it('a word that was noted as sent and never arrived ends in the idle limit', async () => {
  const drivers = [scriptedDriver('scripted', { conversation: 'turns', fifo: true })]
  const { parts, orchestrator } = await team({ drivers })
  const go = flag()
  const script = [
    started(),
    until(go),
    'echo work >work; git add . && git commit -qm work',
    reported(),
    'sleep 60',
  ]
  parts.ids.uuid = () => 'the-word'
  const task = await give(orchestrator, script, { limits: { idleMinutes: 0.02 } })
  await taskWhen(parts, task, 'works', works)
  const [attempt] = await parts.store.tasks.attempts(task.id)
  writeFileSync(`${parts.directories.path(attempt!.agent)}/sent`, 'the-word\n')
  await orchestrator.say(task.id, 'lost')
  writeFileSync(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'dead', reason: { code: 'idle-limit' } })
})

it('keeps the order of words said at once, and gives each once', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(
    orchestrator,
    processes([started(), until(go), reported()], [started(), commit('rest'), reported()]),
  )
  await taskWhen(parts, task, 'works', works)
  await Promise.all(['a', 'b', 'c'].map((text) => orchestrator.say(task.id, text)))
  writeFileSync(go, '')
  expect(
    work(await ended(parts, task), 'rest')
      .split('\n\n')
      .sort(),
  ).toEqual(['a', 'b', 'c'])
})
