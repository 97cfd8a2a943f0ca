import { existsSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import type { Task } from '../../src/task/task.ts'
import { flag, gate, give, processes, team, types, work } from '../support/conversation.ts'
import { until as waitUntil } from '../support/orch.ts'
import { type Around, ended, taskWhen } from '../support/parts.ts'
import { lines, scriptedDriver } from '../support/scripted.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Words, interrupts and answers that meet the end of a turn, a pause, a start or an end. */

const { started, reported, commit, until, quota, event } = lines
const works = ({ state }: Task) => state === 'working'
const waits = ({ state, waitingFor }: Task) => state === 'waiting' && waitingFor === 'input'

it('a word said while the processes of a pause end comes with the prompt after it', async () => {
  const { around, arm, reached, open } = gate('directories.stop')
  const { parts, orchestrator } = await team({ around })
  arm()
  const second = [started(), commit('rest'), reported()]
  const task = await give(orchestrator, processes([started(), quota(Date.now()), 'sleep 60'], second))
  await reached
  await orchestrator.say(task.id, 'Mind the gap')
  open()
  expect(work(await ended(parts, task), 'rest')).toContain('Mind the gap')
})

it('a word said while it is looked whether the agent waits for an answer is read', async () => {
  const [reached, opened] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let isAtEnd = false
  const around: Around = async (name, call) => {
    isAtEnd ||= name === 'mailboxes.waiting' // the mail of its turn
    if (!isAtEnd || name !== 'mailboxes.history') return await call()
    reached.resolve()
    await opened.promise
    return await call()
  }
  const { parts, orchestrator } = await team({ around, config: { reconcileSeconds: 60 } })
  const script = processes([started(), commit('work'), reported()], [started(), commit('rest'), reported()])
  const task = await give(orchestrator, script)
  await reached.promise
  await orchestrator.say(task.id, 'One more thing')
  opened.resolve()
  expect(work(await ended(parts, task), 'rest')).toContain('One more thing')
})

it('an interrupt while the process of a word is started ends that turn, and the word comes with the next', async () => {
  const { around, arm, reached, open } = gate('runtime.start')
  const { parts, orchestrator } = await team({ around })
  const go = flag()
  const script = [
    `if [ "$SESSION" ]; then cat >prompt; case $(cat prompt) in *another*) ${started()}; git add . && git commit -qm third; ${reported('three')};; *) sleep 60;; esac; fi`,
    started(),
    until(go),
    reported('one'),
  ]
  const task = await give(orchestrator, script)
  await taskWhen(parts, task, 'works', works)
  arm()
  await orchestrator.say(task.id, 'one word')
  writeFileSync(go, '')
  await reached
  const interrupted = orchestrator.interrupt(task.id)
  setImmediate(open)
  await interrupted
  expect(await taskWhen(parts, task, 'waits', waits)).toMatchObject({ used: 0, epoch: 1 })
  await orchestrator.say(task.id, 'another')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'prompt')).toBe('one word\n\nanother')
})

it('interrupts at once, with and without words, end in one turn that has heard them all', async () => {
  const { parts, orchestrator } = await team()
  const begun = flag()
  const script = processes([started(), `echo >${begun}`, 'sleep 60'], [started(), commit('rest'), reported()])
  const task = await give(orchestrator, script)
  await waitUntil('it has begun', () => existsSync(begun))
  await Promise.all([
    orchestrator.interrupt(task.id, 'one'),
    orchestrator.interrupt(task.id, 'two'),
    orchestrator.interrupt(task.id),
  ])
  const now = await taskWhen(parts, task, 'waits or is done', (it) => waits(it) || it.state === 'accepted')
  if (now.state === 'waiting') await orchestrator.say(task.id, 'three')
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'rest')).toMatch(/one[\s\S]*two|two[\s\S]*one/)
})

it('an interrupt is refused while set-up steps run', async () => {
  const go = flag()
  const config = { setup: [{ run: ['sh', '-c', until(go)] as [string, ...string[]] }] }
  const { parts, orchestrator } = await team({ config })
  const task = await give(orchestrator, [started(), commit('work'), reported()])
  await taskWhen(parts, task, 'works', works)
  await expect(orchestrator.interrupt(task.id)).rejects.toMatchObject({ code: 'E_STATE' })
  writeFileSync(go, '')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', used: 0 })
})

it('an interrupt that was noted before the daemon died is carried out by the next', async () => {
  const state = temporaryDirectory('orch-state')
  let died = false
  const never = new Promise<never>(() => {})
  const first = await team({
    state,
    dies: true,
    around: async (name, call) => {
      died ||= name === 'directories.stop'
      return died ? never : await call()
    },
  })
  const script = processes([started(), 'sleep 60'], [started(), commit('rest'), reported()])
  const task = await give(first.orchestrator, script)
  await taskWhen(first.parts, task, 'works', works)
  await waitUntil('it has begun', async () => (await types(first.parts, task)).includes('turn.started'))
  void first.orchestrator.interrupt(task.id)
  await waitUntil('it is dead', () => died)
  await first.parts.store.close()
  const { parts, orchestrator } = await team({ state })
  expect(await taskWhen(parts, task, 'waits', waits)).toMatchObject({ used: 0 })
  await orchestrator.say(task.id, 'Go on')
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
})

const HEARS = [
  `read a; w=\${a#*text\\":\\"}; id=\${a#*id\\":\\"}`,
  `${started()}; printf '{"heard":"%s"}\\n' "\${id%%\\"*}"; echo "$w" >heard; git add . && git commit -qm heard; ${reported('heard')}`,
]
const live = (more = {}) => scriptedDriver('scripted', { conversation: 'live', fifo: true, ...more })

it('a word said while the next process is started reaches a program that reads its standard input', async () => {
  const { around, arm, reached, open } = gate('directories.proceed')
  const { parts, orchestrator } = await team({ drivers: [live()], around })
  arm()
  const second = [started(), reported('early'), ...HEARS]
  const task = await give(orchestrator, processes([started(), quota(Date.now())], second))
  await reached
  const said = orchestrator.say(task.id, 'Mind the gap')
  setImmediate(open)
  await said
  expect(work(await ended(parts, task), 'heard')).toContain('Mind the gap')
})

it('a word said in a pause is the prompt after it also for a program that does not tell what it reads', async () => {
  const own = scriptedDriver('scripted')
  const reader = () => ({ ...own.reader(), heard: () => undefined })
  const launch = async (given: Parameters<typeof own.launch>[0]) => ({
    ...(await own.launch(given)),
    stdin: 'prompt' as const,
  })
  const { parts, orchestrator } = await team({ drivers: [live({ reader, launch })] })
  const second = [started(), commit('rest'), reported()]
  const task = await give(orchestrator, processes([started(), quota(Date.now() + 1_500)], second))
  await taskWhen(parts, task, 'waits', ({ waitingFor }) => waitingFor === 'quota')
  await orchestrator.say(task.id, 'Mind the gap')
  expect(work(await ended(parts, task), 'rest')).toContain('Mind the gap')
})

it('a word for a program that ends in that very moment is given to the next process', async () => {
  const { around, arm, reached, open } = gate('directories.reply')
  const drivers = [scriptedDriver('scripted', { conversation: 'turns', fifo: true })]
  const { parts, orchestrator } = await team({ drivers, around })
  arm()
  const [go, end] = [flag(), flag()]
  const first = [started(), until(go), reported(), until(end)]
  const own = drivers[0]!.launch
  const file = flag()
  drivers[0]!.launch = async (given) => {
    writeFileSync(file, given.prompt)
    return await own(given)
  }
  const second = [started(), `cp ${file} prompt; git add . && git commit -qm prompt`, reported()]
  const task = await give(orchestrator, processes(first, second))
  await taskWhen(parts, task, 'works', works)
  await orchestrator.say(task.id, 'Mind the gap')
  writeFileSync(go, '')
  await reached
  writeFileSync(end, '')
  const [attempt] = await parts.store.tasks.attempts(task.id)
  await waitUntil('it has ended', async () => (await parts.directories.status(attempt!.agent)).exit)
  open()
  const done = await ended(parts, task)
  expect(done).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
  expect(work(done, 'prompt')).toBe('Mind the gap')
})

it('what is owed to a program that has ended is owed no more', async () => {
  const state = temporaryDirectory('orch-state')
  const own = scriptedDriver('scripted', { fifo: true })
  const reader = () => ({ ...own.reader(), owed: () => [{ id: 'owed', text: 'yes\n' }] })
  const drivers = [{ ...own, reader }]
  const first = await team({ drivers, state })
  const [begun, go] = [flag(), flag()]
  const script = [
    started(),
    `echo >${begun}`,
    until(go),
    'echo work >work; git add . && git commit -qm work',
    reported(),
  ]
  const task = await give(first.orchestrator, script)
  await waitUntil('it has begun', async () => (await types(first.parts, task)).includes('turn.started'))
  const [attempt] = await first.parts.store.tasks.attempts(task.id)
  await first.leave()
  writeFileSync(go, '')
  const { directories } = first.parts
  await waitUntil('it has ended', async () => (await directories.status(attempt!.agent)).exit)
  const { parts } = await team({ drivers, state })
  expect(await ended(parts, task)).toMatchObject({ state: 'accepted', epoch: 1, used: 0 })
})

const asks = (question: string) => event({ type: 'waiting', for: 'permission', question, about: question })
const permits = (conversation: 'turns' | 'live') =>
  scriptedDriver('scripted', { conversation, fifo: true, permit: (question, ok) => `${question} ${ok}\n` })

it('answers one question once, whoever answers at the same time', async () => {
  const { parts, orchestrator } = await team({ drivers: [permits('turns')] })
  const script = [
    started(),
    asks('q1'),
    'read a; echo "$a" >answer; git add . && git commit -qm answer',
    reported(),
  ]
  const task = await give(orchestrator, script)
  await taskWhen(parts, task, 'asks', ({ waitingFor }) => waitingFor === 'permission')
  const answers = await Promise.allSettled([true, false].map((it) => orchestrator.permit(task.id, it)))
  expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(work(await ended(parts, task), 'answer')).toBe('q1 true\n')
})

it('has no question left of a turn that is over', async () => {
  const { parts, orchestrator } = await team({ drivers: [permits('turns')] })
  const go = flag()
  const script = [started(), asks('q1'), event({ type: 'resumed' }), event({ type: 'turn.ended', ok: true })]
  const task = await give(orchestrator, [...script, started(), until(go), 'exit 1'])
  await waitUntil(
    'its turn has ended',
    async () => (await types(parts, task)).filter((it) => it === 'turn.started').length === 2,
  )
  await expect(orchestrator.permit(task.id, true)).rejects.toMatchObject({ code: 'E_STATE' })
  await orchestrator.cancel(task.id)
})
