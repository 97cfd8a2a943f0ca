import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { systemClock } from '../../src/clock.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import type { Task } from '../../src/task/task.ts'
import { flag, give, team, types, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { ended, taskWhen } from '../support/parts.ts'
import { makeRepository } from '../support/repository.ts'
import { lines, scriptedDriver } from '../support/scripted.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** One attempt over several processes: words, interrupts, permissions, quotas, sessions, other programs. */

const hasBegun = (parts: Parts, task: Task) =>
  taskWhen(parts, task, 'has begun', ({ state }) => state === 'working').then(() =>
    waitUntil('its turn began', async () => (await types(parts, task)).includes('turn.started')),
  )

const { started, reported, commit, until, quota, failed } = lines
/** Works until the flag is there; what it is told in its second process it does at once. */
const inTwoTurns = (file: string) => [
  started(),
  `if [ "$SESSION" ]; then ${commit('second')}; ${reported('both')}; else ${until(file)}; ${commit('first')}; ${reported('one')}; fi`,
]

it('gives words at the end of a turn to a new process of the same attempt, which goes on with the session', async () => {
  const { parts, orchestrator } = await team()
  const go = flag()
  const task = await give(orchestrator, inTwoTurns(go))
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  await orchestrator.say(task.id, 'Do this too')
  await orchestrator.say(task.id, 'and that')
  writeFileSync(go, '')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, report: { summary: 'both' } })
  expect(work(done, 'second')).toBe('Do this too\n\nand that')
  expect(await types(parts, task)).toContain('agent.continued')
})

it('keeps words and interrupts through the death of the daemon', async () => {
  const state = temporaryDirectory('orch-state')
  const first = await team({ state })
  const go = flag()
  const task = await give(first.orchestrator, inTwoTurns(go))
  await taskWhen(first.parts, task, 'works', ({ state: now }) => now === 'working')
  await first.orchestrator.say(task.id, 'Do this too')
  await first.orchestrator.end()
  await first.parts.store.close()
  writeFileSync(go, '')
  const { parts } = await team({ state })
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1 })
  expect(work(done, 'second')).toBe('Do this too')
})

it('ends a turn and waits for the word that it goes on with', async () => {
  const { parts, orchestrator } = await team()
  const task = await give(orchestrator, inTwoTurns('/no/such/file'))
  await hasBegun(parts, task)
  await orchestrator.interrupt(task.id)
  const waits = await taskWhen(parts, task, 'waits', ({ state }) => state === 'waiting')
  expect(waits).toMatchObject({ waitingFor: 'input', used: 0 })
  await orchestrator.say(task.id, 'Do that instead')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'second')).toBe('Do that instead')
})

it('ends a turn with the word that it goes on with', async () => {
  const { parts, orchestrator } = await team()
  const task = await give(orchestrator, inTwoTurns('/no/such/file'))
  await hasBegun(parts, task)
  await orchestrator.interrupt(task.id, 'Do that instead')
  expect(work(await ended(parts, task), 'second')).toBe('Do that instead')
})

const untilQuota = (at: number) => [
  started(),
  `if [ "$SESSION" ]; then ${commit('rest')}; ${reported()}; else ${quota(at)}; fi`,
]

it('waits for a quota and goes on without using up a try', async () => {
  const { parts, orchestrator } = await team()
  const resetAt = Date.now() + 1_500
  const task = await give(orchestrator, untilQuota(resetAt))
  const waits = await taskWhen(parts, task, 'waits', ({ state }) => state === 'waiting')
  expect(waits).toMatchObject({ waitingFor: 'quota', resetAt, used: 0 })
  const done = await ended(parts, task)
  expect(Date.now()).toBeGreaterThanOrEqual(resetAt)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'rest')).toContain('Go on where you were')
})

it('does not start one process after the other when the time at which a quota comes back was wrong', async () => {
  const { parts, orchestrator } = await team()
  const task = await give(orchestrator, [started(), quota(Date.now() - 60_000)])
  const { resetAt = 0 } = await taskWhen(
    parts,
    task,
    'waits longer',
    ({ waitingFor, resetAt }) => waitingFor === 'quota' && resetAt! > Date.now(),
  )
  expect(resetAt).toBeGreaterThan(Date.now() + 30_000)
  expect((await types(parts, task)).filter((type) => type === 'turn.started')).toHaveLength(2)
  await orchestrator.cancel(task.id)
})

it('waits on for a quota after the death of the daemon', async () => {
  const state = temporaryDirectory('orch-state')
  const first = await team({ state })
  const resetAt = Date.now() + 2_000
  const task = await give(first.orchestrator, untilQuota(resetAt))
  await taskWhen(first.parts, task, 'waits', ({ state: now }) => now === 'waiting')
  await first.orchestrator.end()
  await first.parts.store.close()
  const { parts } = await team({ state })
  const done = await ended(parts, task)
  expect(Date.now()).toBeGreaterThanOrEqual(resetAt)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
})

it('takes the next program when one has no quota, or its service is down', async () => {
  const { parts, orchestrator } = await team({
    drivers: ['scripted', 'other', 'third'].map((name) => scriptedDriver(name, { takesProgram: undefined })),
  })
  const profile = await parts.profiles.find(undefined, 'general')
  const find = async () => ({ ...profile, fallback: ['other', 'third'] })
  parts.profiles.find = find
  const fails = `${started()}; case $DRIVER in scripted) ${quota()};; other) ${failed('login-refused', true)};; *) ${commit('$DRIVER')}; ${reported()};; esac`
  const script = flag()
  writeFileSync(script, fails)
  for (const driver of parts.drivers.values()) {
    const { launch } = driver
    driver.launch = async (given) => ({ ...(await launch(given)), argv: ['sh', script] })
  }
  const { path } = await makeRepository()
  const [task] = await orchestrator.submit({
    requestId: crypto.randomUUID(),
    repo: path,
    tasks: [{ description: 'Do it', driver: 'scripted', tries: 2 }],
    env: {},
  })
  const done = await ended(parts, task as Task)
  expect(done).toMatchObject({ state: 'accepted', used: 1 })
  const attempts = await parts.store.tasks.attempts(done.id)
  expect(attempts.map(({ driver, reason }) => [driver, reason?.code])).toEqual([
    ['scripted', 'quota'],
    ['other', 'login-refused'],
    ['third', undefined],
  ])
})

it('resumes the session at a retry, and begins anew when it is gone', async () => {
  const { parts, orchestrator } = await team()
  const seen = flag()
  const script = [
    `echo "<$SESSION>" >>${seen}`,
    `case $(wc -l <${seen}) in`,
    `  1) ${started('s1')}; ${failed('api-error')};;`,
    `  2) ${failed('session-gone')};;`,
    `  *) ${started('s2')}; ${commit('rest')}; ${reported()};;`,
    'esac',
  ]
  const task = await give(orchestrator, script, { tries: 2 })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 3, used: 1 })
  expect(execFileSync('cat', [seen], { encoding: 'utf8' })).toBe('<>\n<s1>\n<>\n')
})

it('tells the next attempt what was said in the one before', async () => {
  const { parts, orchestrator } = await team()
  const [seen, go] = [flag(), flag()]
  const script = `if [ -e ${seen} ]; then ${started()}; ${commit('second')}; ${reported()}; else echo >${seen}; ${started()}; ${until(go)}; ${failed('agent-failed')}; fi`
  const task = await give(orchestrator, [script], { tries: 2 })
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working' && existsSync(seen))
  await orchestrator.say(task.id, 'Mind the\ngap')
  writeFileSync(go, '')
  expect(work(await ended(parts, task), 'second')).toContain('> Mind the\n> gap')
})

/** Reads its standard input line by line: a permission is asked first, then each word is a turn. */
const listens = [
  started(),
  `printf '%s\\n' '{"type":"waiting","for":"permission","question":"q1","about":"rm -rf build"}'`,
  'read a; case $a in q1*) ;; *) w=$a; read a ;; esac',
  'echo "$a" >answers; git add . && git commit -qm answers',
  `${lines.event({ type: 'resumed' })}; ${reported('first')}`,
  'while [ "$w" ] || read w; do',
  `  ${started()}; echo "$w" >>answers; git commit -qam word`,
  `  id=\${w#*id\\":\\"}; printf '{"heard":"%s"}\\n' "\${id%%\\"*}"; ${reported('last')}; w=`,
  'done',
]
const permit = (question: string, allowed: boolean) => `${question} ${allowed}\n`

it.each(['live', 'turns'] as const)(
  'asks a person, and hears words on its standard input (%s)',
  async (conversation) => {
    const { parts, orchestrator } = await team({
      drivers: [scriptedDriver('scripted', { conversation, fifo: true, permit })],
    })
    const task = await give(orchestrator, listens)
    const waits = await taskWhen(parts, task, 'waits', ({ state }) => state === 'waiting')
    expect(waits.waitingFor).toBe('permission')
    await orchestrator.say(task.id, 'one')
    expect(await orchestrator.permit(task.id, true)).toEqual({
      question: { id: 'q1', about: 'rm -rf build' },
      open: 0,
    })
    await expect(orchestrator.permit(task.id, true)).rejects.toMatchObject({ code: 'E_STATE' })
    const done = await ended(parts, task)
    expect(done).toMatchObject({ state: 'accepted', epoch: 1 })
    expect(work(done, 'answers')).toContain('"text":"one"')
  },
)

it('refuses words, interrupts and permissions where nobody listens', async () => {
  const { parts, orchestrator } = await team({
    drivers: [scriptedDriver('scripted', { conversation: 'none' })],
  })
  const task = await give(orchestrator, [started(), 'sleep 60'])
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  await expect(orchestrator.say(task.id, 'x')).rejects.toMatchObject({ code: 'E_CANNOT_HEAR' })
  await expect(orchestrator.interrupt(task.id)).rejects.toMatchObject({ code: 'E_CANNOT_HEAR' })
  await expect(orchestrator.permit(task.id, true)).rejects.toMatchObject({ code: 'E_STATE' })
  await orchestrator.cancel(task.id)
  await expect(orchestrator.permit(task.id, true)).rejects.toMatchObject({ code: 'E_STATE' })
})

it("takes the agent's own last word as its summary, or as giving up", async () => {
  const { parts, orchestrator } = await team()
  const script = [started(), until('go'), 'rm go', commit('work'), reported('chatter')]
  for (const [done, expected] of [
    [true, { state: 'accepted', report: { summary: 'My word' } }],
    [false, { state: 'dead', reason: { code: 'gave-up', message: 'My word' } }],
  ] as const) {
    const task = await give(orchestrator, script)
    const { lease } = await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
    const fence = { taskId: task.id, epoch: 1, host: lease?.host ?? '' }
    await parts.store.tasks.progress(fence, { attempt: { word: { done, summary: 'My word' } } })
    const { spec } = task
    writeFileSync(join(parts.workspaces.at(spec.repo, task.id, spec.branch).path, 'go'), '')
    expect(await ended(parts, task)).toMatchObject(expected)
  }
})

it('says what was refused to an agent that has nothing to show', async () => {
  const { parts, orchestrator } = await team()
  const note = lines.event({ type: 'note', text: 'permission was refused for Bash: not in the list' })
  const task = await give(orchestrator, [started(), note, note, reported()])
  const { reason } = await ended(parts, task)
  expect(reason?.code).toBe('no-commit')
  expect(reason?.message.split('\n').slice(1)).toEqual(['permission was refused for Bash: not in the list'])
})

it('counts what a conversation used once, also over attempts', async () => {
  const { parts, orchestrator } = await team({
    drivers: [scriptedDriver('scripted', { tellsSessionUsage: true })],
  })
  const used = (inputTokens: number) => lines.event({ type: 'usage', usage: { inputTokens, turns: 1 } })
  const script = [
    started(),
    `if [ "$SESSION" ]; then ${used(250)}; ${commit('work')}; ${reported()}; else ${used(100)}; ${failed('api-error')}; fi`,
  ]
  const task = await give(orchestrator, script, { tries: 2 })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 2 })
  const attempts = await parts.store.tasks.attempts(task.id)
  expect(attempts.map(({ usage }) => [usage.inputTokens, usage.turns])).toEqual([
    [100, 1],
    [150, 1],
  ])
})

it('ends the processes of a program that does not end its turn when it is told to', async () => {
  let ahead = 0
  const clock = { ...systemClock, now: () => Date.now() + ahead }
  const interrupt = () => 'stop\n'
  const driver = scriptedDriver('scripted', { conversation: 'live', fifo: true, interrupt })
  const { parts, orchestrator } = await team({ drivers: [driver], clock })
  const task = await give(orchestrator, [
    started(),
    `if [ "$SESSION" ]; then : >work; ${reported('last')}; git add . ; git commit -qm work; else sleep 60; fi`,
  ])
  await taskWhen(parts, task, 'works', ({ state }) => state === 'working')
  await hasBegun(parts, task)
  await orchestrator.interrupt(task.id, 'Go on')
  ahead = 11_000
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1 })
})
