import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import type { Driver, LaunchOrder } from '../../src/agent/agent.ts'
import type { Clock } from '../../src/clock.ts'
import { pathsIn } from '../../src/config/paths.ts'
import type { EventType } from '../../src/journal/journal.ts'
import type { Priority } from '../../src/message/message.ts'
import { send } from '../../src/orchestrator/bus/bus.ts'
import { senderOf } from '../../src/orchestrator/bus/sender.ts'
import { createOrchestrator, type Orchestrator } from '../../src/orchestrator/orchestrator.ts'
import type { Parts } from '../../src/orchestrator/parts.ts'
import { isFinal, type Task } from '../../src/task/task.ts'
import { flag, processes, work } from '../support/conversation.ts'
import { mortal } from '../support/mortal.ts'
import { until as waitUntil } from '../support/orch.ts'
import { beginWith, order, realParts, surround } from '../support/parts.ts'
import { makeRepository, type SampleRepository } from '../support/repository.ts'
import { lines, scriptedDriver } from '../support/scripted.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** The daemon killed between any two steps of an attempt's life over several processes. */

const { started, reported, commit, until, quota, failed, event } = lines

/** One way of an attempt. What a person does is tried again when the daemon died before it could answer. */
interface Way {
  drivers?: (script: string) => Driver[]
  /** Its first process waits until the daemon is mortal, and may wait until the person has done everything. */
  script(begins: string[], go: string): string[]
  more?: object
  fallback?: string[]
  /** What a person does, in order, when the task has come so far. */
  acts?: Act[]
  /** Port calls at which the daemon dies, each before and after. */
  moments: string[]
  expects(parts: Parts, task: Task): Promise<void> | void
}
interface Act {
  /** The first process ends its turn before this. */
  afterTurn?: true
  when(task: Task): boolean
  act(by: Orchestrator, task: Task, parts: Parts): Promise<unknown>
}

const STEP = [
  'tasks.progress',
  'directories.stop',
  'directories.proceed',
  'runtime.start',
  'directories.read',
]
const TALKS = ['journal.append', 'tasks.progress', 'directories.read']
const says: Act = { when: () => true, act: (by, { id }) => by.say(id, 'Mind the gap') }
const note = { subject: 'Mind the gap', content: 'It is wide' }
const tells = (priority: Priority = 'normal'): Act => ({
  when: ({ state }) => state === 'working',
  act: (_, { id }, parts) =>
    send(
      parts,
      { mailbox: 'person' },
      { to: id, type: 'context_share', payload: note, priority, id: 'm-mind-the-gap' },
    ),
})
const asksPerson: Act = {
  when: ({ state }) => state === 'working',
  act: (_, task, parts) =>
    send(parts, senderOf(task), {
      to: 'person',
      type: 'assistance_request',
      payload: { question: 'Which port?' },
      id: 'm-question',
    }),
}
const answers: Act = {
  when: () => true,
  act: (_, { id }, parts) =>
    send(
      parts,
      { mailbox: 'person' },
      {
        to: id,
        type: 'assistance_response',
        payload: { answer: 'Port 8080' },
        correlationId: 'm-question',
        id: 'm-answer-to-it',
      },
    ),
}
/** Told once, as one message, which counts as read. */
async function expectTold(parts: Parts, task: Task) {
  expect(countOf(work(task, 'rest'), 'subject: Mind the gap')).toBe(1)
  expect(await parts.store.mailboxes.get('m-mind-the-gap')).toMatchObject({ state: 'acknowledged' })
  expect(await parts.store.journal.read({ taskId: task.id, types: ['agent.told'] })).toHaveLength(1)
}
const countOf = (text: string, part: string) => text.split(part).length - 1
const permit = (question: string, allowed: boolean) => `${question} ${allowed}\n`
const fifo = (conversation: 'turns' | 'live') => () => [
  scriptedDriver('scripted', { conversation, fifo: true, permit }),
]
const second = [started(), commit('rest'), reported()]
/** Reads words as turns, for ever. */
const HEARS = [
  'while read w; do',
  `  id=\${w#*id\\":\\"}; ${started()}; printf '{"heard":"%s"}\\n' "\${id%%\\"*}"`,
  `  echo "$w" >>heard; git add . && git commit -qm heard; ${reported('heard')}`,
  'done',
]
const onStandardInput = (conversation: 'turns' | 'live', moments: string[]): Way => ({
  drivers: fifo(conversation),
  script: (begins, go) => [...begins, until(go), reported('one'), ...HEARS],
  acts: [says],
  moments,
  expects: (_, task) => expect(countOf(work(task, 'heard'), 'Mind the gap')).toBe(1),
})
/** Programs of which each can be the fallback of another. */
const inFile = (script: string) => {
  const own = ['scripted', 'other'].map((name) => scriptedDriver(name, { takesProgram: undefined }))
  return own.map((driver) => ({
    ...driver,
    launch: async (given: LaunchOrder) => ({
      ...(await driver.launch(given)),
      argv: ['sh', script] as [string, ...string[]],
    }),
  }))
}

const ways: Record<string, Way> = {
  'a word at the end of a turn, for a new process': {
    script: (begins, go) => processes([...begins, until(go), reported('one')], second),
    acts: [says],
    moments: ['journal.append', ...STEP],
    expects: (_, task) => expect(work(task, 'rest')).toBe('Mind the gap'),
  },
  'a word on the standard input at the end of a turn': onStandardInput('turns', TALKS),
  'a word on the standard input': onStandardInput('live', [...TALKS, 'directories.reply']),
  'a message at the end of a turn': {
    script: (begins, go) => processes([...begins, until(go), reported('one')], second),
    acts: [tells()],
    moments: ['mailboxes.waiting', 'mailboxes.lease', 'mailboxes.acknowledge', 'journal.append', ...STEP],
    expects: (parts, task) => expectTold(parts, task),
  },
  'a message on the standard input': {
    ...onStandardInput('live', []),
    acts: [tells()],
    moments: ['mailboxes.acknowledge', 'journal.append', 'directories.reply', 'tasks.progress'],
    expects: (_, task) => expect(countOf(work(task, 'heard'), 'subject: Mind the gap')).toBe(1),
  },
  'a critical message': {
    script: (begins) => processes([...begins, 'sleep 60'], second),
    acts: [tells('critical')],
    moments: ['mailboxes.history', 'journal.append', 'mailboxes.acknowledge', ...STEP],
    expects: (parts, task) => expectTold(parts, task),
  },
  'a question to a person, and its answer': {
    script: (begins, go) => processes([...begins, until(go), reported('one')], second),
    acts: [asksPerson, { ...answers, afterTurn: true, when: ({ waitingFor }) => waitingFor === 'message' }],
    moments: ['tasks.wait', 'tasks.resume', 'mailboxes.lease', 'mailboxes.acknowledge', ...STEP],
    expects: (_, task) => expect(countOf(work(task, 'rest'), 'Port 8080')).toBe(1),
  },
  'an interrupt': {
    script: (begins) => processes([...begins, 'sleep 60'], second),
    acts: [
      { when: () => true, act: (by, { id }) => by.interrupt(id) },
      { ...says, when: ({ waitingFor }) => waitingFor === 'input' },
    ],
    moments: ['journal.append', 'tasks.wait', 'tasks.resume', ...STEP],
    expects: (_, task) => expect(work(task, 'rest')).toBe('Mind the gap'),
  },
  'a permission': {
    drivers: fifo('turns'),
    script: (begins) => [
      ...begins,
      event({ type: 'waiting', for: 'permission', question: 'q1', about: 'all' }),
      'read a; echo "$a" >answer; git add . && git commit -qm answer',
      `${event({ type: 'resumed' })}; ${reported()}`,
    ],
    acts: [
      {
        when: ({ waitingFor }) => waitingFor === 'permission',
        act: (by, { id }) => by.permit(id, true),
      },
    ],
    moments: ['tasks.wait', 'tasks.resume', 'directories.reply', 'journal.append', 'tasks.progress'],
    expects: (_, task) => expect(work(task, 'answer')).toBe('q1 true\n'),
  },
  'a quota pause': {
    script: (begins) => processes([...begins, quota(Date.now() + 1_000), 'sleep 60'], second),
    moments: ['tasks.wait', 'tasks.resume', ...STEP],
    expects: (_, task) => expect(work(task, 'rest')).toBe('The pause is over. Go on where you were.'),
  },
  'a program for which there is another': {
    drivers: inFile,
    fallback: ['other'],
    script: (begins) => [
      `case $DRIVER in scripted) ${begins.join('; ')}; ${quota()};; *) ${second.join('; ')};; esac`,
    ],
    more: { argv: undefined },
    moments: ['tasks.lose', 'tasks.claim', 'directories.prepare', 'workspaces.save', 'tasks.progress'],
    expects: async (parts, task) => {
      expect(task.used).toBe(0)
      const attempts = await parts.store.tasks.attempts(task.id)
      expect(attempts.map(({ driver }) => driver)).toEqual(['scripted', 'other'])
    },
  },
  'a session that is resumed at a retry': {
    script: (begins) =>
      processes([...begins, failed('api-error')], ['[ "$SESSION" = s1 ] || exit 9', ...second]),
    more: { tries: 2 },
    moments: ['tasks.fail', 'tasks.claim', 'directories.prepare', 'workspaces.save', 'directories.stop'],
    expects: async (parts, task) => {
      expect(task.used).toBe(1)
      expect(await parts.store.tasks.attempts(task.id)).toHaveLength(2)
    },
  },
}

let sample: SampleRepository
let forge: string
beforeAll(async () => {
  const directory = temporaryDirectory('orch-talks')
  sample = await makeRepository({ commits: 2, directory })
  forge = join(directory, 'forge')
})

/** A state directory whose forge has met the repository before, except for the first: no death here is so early. */
function stateDirectory(): string {
  const state = temporaryDirectory('orch-talk')
  if (existsSync(forge)) cpSync(forge, pathsIn(state).forge, { recursive: true })
  return state
}
const keepForge = ({ paths }: Parts) => existsSync(forge) || cpSync(paths.forge, forge, { recursive: true })

const DONE = ['agent.said', 'agent.interrupted', 'agent.permitted', 'message.sent'] as const
const doneOf = async (parts: Parts, { runId }: Task) =>
  (await parts.store.journal.read({ runId, types: [...DONE] })).length

/** Does what the way's person does, once each as far as the journal tells, until the task is at its end. */
async function accompany(parts: Parts, by: Orchestrator, task: Task, way: Way, go: string): Promise<Task> {
  return await waitUntil(`${task.id} is final`, async () => {
    const now = (await parts.store.tasks.get(task.id)) as Task
    const next = way.acts?.[await doneOf(parts, task)]
    if ((!next || next.afterTurn) && !existsSync(go)) writeFileSync(go, '')
    if (next?.when(now) && !isFinal(now.state)) await next.act(by, now, parts).catch(ignoreState)
    return isFinal(now.state) && now
  })
}

/** There is nothing to be done just now, or any more. */
function ignoreState(error: { code?: string }): void {
  if (error.code !== 'E_STATE') throw error
}

/** The daemon's parts with the way's programs. */
async function partsOf(way: Way, script: string, options: { state: string; clock?: Clock }): Promise<Parts> {
  const parts = await realParts(options)
  const drivers = way.drivers?.(script) ?? [scriptedDriver('scripted')]
  const find: Parts['profiles']['find'] = async (...asked) => ({
    ...(await parts.profiles.find(...asked)),
    fallback: way.fallback ?? [],
  })
  return {
    ...parts,
    profiles: { ...parts.profiles, find },
    drivers: new Map(drivers.map((it) => [it.name, it])),
  }
}

async function expectWhole(parts: Parts, task: Task, way: Way) {
  expect(task).toMatchObject({ state: 'accepted', ...(!way.more && { epoch: 1, used: 0 }) })
  await way.expects(parts, task)
  const attempts = await parts.store.tasks.attempts(task.id)
  for (const { agent } of attempts) {
    expect((await parts.directories.status(agent)).state).toBe('exited')
    const out = readFileSync(`${parts.directories.path(agent)}/out.jsonl`, 'utf8')
    expect(out.match(/\{"orch":"turn","turn":\d+\}/g) ?? []).toHaveLength(
      (await parts.directories.status(agent)).turn - 1,
    )
  }
  const running = execFileSync('ps', ['-Aww', 'e', '-o', 'args='], { encoding: 'utf8', maxBuffer: 1e8 })
  for (const { agent } of attempts) expect(running).not.toContain(`ORCH_AGENT=${agent} `)
  expect(await parts.store.upkeep.check()).toEqual([])
}

for (const [name, way] of Object.entries(ways))
  describe(`${name}, killed`, () => {
    for (const moment of way.moments)
      for (const when of ['before', 'after'] as const)
        it(`${when} ${moment}`, async () => {
          const state = stateDirectory()
          const go = flag()
          const begins = [started(), until(`${go}.mortal`)]
          const script = way.script(begins, go).join('\n')
          writeFileSync(`${go}.sh`, script)
          const { around, clock, died, arm } = mortal(moment, 1, when, { armed: false })
          const first = await partsOf(way, `${go}.sh`, { state, clock })
          const mortals = createOrchestrator(surround(first, around))
          await mortals.begin()
          const wanted = { driver: 'scripted', tries: 1, ...way.more }
          const task = await order(createOrchestrator(first), sample.path, script, wanted)
          const types: EventType[] = ['turn.started']
          await waitUntil(
            'it has begun',
            async () => (await first.store.journal.read({ taskId: task.id, types })).length > 0,
          )
          keepForge(first)
          arm()
          writeFileSync(`${go}.mortal`, '')
          const done = accompany(first, mortals, task, way, go).then(() => expect.unreachable())
          await Promise.race([died, done])
          await first.store.close()
          done.catch(() => {}) // its store is closed

          const second = await partsOf(way, `${go}.sh`, { state })
          const orchestrator = await beginWith(second)
          await expectWhole(second, await accompany(second, orchestrator, task, way, go), way)
        })
  })
