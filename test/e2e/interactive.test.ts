import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import type { EventView } from '../../src/api/contract.ts'
import { exec, spawnPiped } from '../../src/exec.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** A program's own terminal interface in real tmux, told of by its hooks: test/fixtures/agents/terminal. */

const directory = fileURLToPath(new URL('../fixtures/agents/terminal', import.meta.url))
const PERSON = '{"numStartups":3,"projects":{"/elsewhere":{"hasTrustDialogAccepted":true}}}'

let orch: Orch
let home: string
beforeAll(async () => {
  home = temporaryDirectory('orch-home')
  mkdirSync(join(home, '.claude/agents'), { recursive: true })
  writeFileSync(join(home, '.claude.json'), PERSON)
  writeFileSync(join(home, '.claude/settings.json'), '{"theme":"light"}')
  const PATH = [directory, process.env.PATH].join(delimiter)
  orch = await startOrch({ PATH, HOME: home, ANTHROPIC_API_KEY: `sk-ant-${'k'.repeat(40)}` })
})
afterAll(() => orch.close())

const commit = (file: string) => `do: echo ${file} >${file}; git add ${file}; git commit -qm 'Add ${file}'`
const waitFor = (file: string) => `do: until [ -e ${file} ]; do sleep 0.05; done`
const readIfThere = (file: string) => (existsSync(file) ? readFileSync(file, 'utf8') : '')
const flag = () => join(temporaryDirectory('orch-flag'), 'go')

async function give(lines: string[], more: object = {}) {
  const { path } = await makeRepository()
  const task = { description: lines.join('\n'), driver: 'claude', interactive: true, tries: 1, ...more }
  const run = await orch.submit(path, [task])
  const id = run.tasks[0]?.id ?? ''
  return { path, id, done: async () => (await orch.finished(run.id))[0] }
}
async function eventsOf(task: string): Promise<EventView[]> {
  const events: EventView[] = []
  for await (const event of orch.client.events({ after: 0, task, follow: false })) events.push(event)
  return events
}
const types = async (id: string) => (await eventsOf(id)).map(({ type }) => type)
const happens = (id: string, type: string, count = 1) =>
  until(`${type} ${count}`, async () => (await types(id)).filter((it) => it === type).length >= count)
const state = (id: string, expected: object) =>
  until(`${id} is ${JSON.stringify(expected)}`, async () => {
    const task = await orch.task(id)
    return Object.entries(expected).every(([key, value]) => task[key as keyof typeof task] === value) && task
  })
const agentOf = async (id: string) => {
  const agents = readdirSync(orch.paths.attempts).filter((name) => name.includes(id))
  return agents[0] ?? ''
}
const outOf = async (id: string) =>
  readFileSync(join(orch.paths.attempts, await agentOf(id), 'out.jsonl'), 'utf8')
const attach = async (id: string) => {
  const line = `tmux -S ${orch.paths.tmuxSocket} attach -t =${await agentOf(id)}`
  const client = spawnPiped(['script', '-qfec', line, '/dev/null'], {
    env: { ...orch.env, TERM: 'xterm-256color' },
  })
  client.stdout?.resume()
  onTestFinished(() => void client.kill('SIGKILL'))
  await happens(id, 'agent.attached')
  return {
    type: (text: string) => void client.stdin?.write(`${text}\r`),
    leave: () => void client.stdin?.write('\x02d'),
  }
}

it('works without a dialog, its states are in the journal, and what its person has stays as it was', async () => {
  const { id, done } = await give([commit('one'), 'do: false', 'say: One.'])
  expect(await done()).toMatchObject({ state: 'accepted', summary: 'One.', usage: { toolCalls: 2 } })
  const events = await eventsOf(id)
  expect(events.map(({ type }) => type)).toEqual(
    expect.arrayContaining(['turn.started', 'tool.called', 'message', 'turn.ended']),
  )
  const calls = events.filter(({ type }) => type === 'tool.called').map(({ data }) => data?.ok)
  expect(calls).toEqual([true, false])
  expect((await orch.task(id)).attempts[0]?.session).toMatch(/^[0-9a-f-]{36}$/)
  expect(agentProcesses(id)).toEqual([])
  expect(readFileSync(join(home, '.claude.json'), 'utf8')).toBe(PERSON)
  expect(readdirSync(join(home, '.claude')).sort()).toEqual(['agents', 'settings.json'])
})

it('hooks of a time without a daemon are taken up by the next', async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('alone'), 'say: Alone.'])
  await happens(id, 'turn.started')
  await orch.crash(async () => {
    writeFileSync(go, '')
    await until('its turn has ended', async () => (await outOf(id)).includes('"hook":"Stop"'))
  })
  expect(await done()).toMatchObject({ state: 'accepted', attempt: 1, summary: 'Alone.' })
  const events = (await types(id)).filter((type) => type === 'tool.called' || type === 'turn.ended')
  expect(events).toEqual(['tool.called', 'tool.called', 'turn.ended'])
})

const say = (id: string, text: string) => orch.client.call('say', { params: { id }, body: { text } })
const dataOf = async (id: string, type: string) =>
  (await eventsOf(id)).filter((event) => event.type === type).map(({ data }) => data ?? {})
const isOffered = (id: string) =>
  until('it is on offer', async () =>
    readdirSync(join(orch.paths.attempts, await agentOf(id))).some((name) => name.startsWith('offer.')),
  )

it("a word is handed over at the turn's end: same process, nothing typed, and the journal says when", async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('first'), 'say: First.'])
  await happens(id, 'turn.started')
  await say(id, `${commit('second')}\nsay: "Second".`)
  await isOffered(id)
  writeFileSync(go, '')
  expect(await done()).toMatchObject({ state: 'accepted', attempt: 1, summary: '"Second".' })
  expect((await types(id)).filter((type) => type === 'agent.continued')).toEqual([])
  expect(await dataOf(id, 'turn.started')).toHaveLength(1)
  const [said] = await dataOf(id, 'agent.said')
  expect(said).not.toHaveProperty('fresh')
  expect(await dataOf(id, 'words.read')).toEqual([{ words: [said?.id], at: expect.any(Number) }])
})

it('a word is handed over while no daemon runs, and once', async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('first'), 'say: First.'])
  await happens(id, 'turn.started')
  await say(id, commit('second'))
  await isOffered(id)
  await orch.crash(async () => {
    writeFileSync(go, '')
    await until('its turn has ended', async () => (await outOf(id)).split('"hook":"Stop"').length > 2)
  })
  expect(await done()).toMatchObject({
    state: 'accepted',
    attempt: 1,
    proof: { filesChanged: ['first', 'second'] },
  })
  expect(await dataOf(id, 'words.read')).toHaveLength(1)
  expect(await types(id)).not.toContain('agent.continued')
})

it('what it was handed and had not read when it was ended is in the next prompt', async () => {
  const [go, marks] = [flag(), join(temporaryDirectory('orch-marks'), 'marks')]
  const { id, done } = await give([waitFor(go), commit('first')])
  await happens(id, 'turn.started')
  await say(id, `think: ${marks}\n${commit('second')}`)
  await isOffered(id)
  writeFileSync(go, '')
  await happens(id, 'words.read')
  await orch.client.call('interrupt', { params: { id }, body: { text: 'say: Both.' } })
  writeFileSync(marks, '')
  expect(await done()).toMatchObject({
    state: 'accepted',
    summary: 'Both.',
    proof: { filesChanged: ['first', 'second'] },
  })
  expect(await dataOf(id, 'agent.continued')).toHaveLength(1)
})

it('a word for one who has ended its turn is the prompt of a new process with the same session', async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('first'), 'say: First.'])
  await happens(id, 'turn.started')
  const person = await attach(id)
  writeFileSync(go, '')
  await state(id, { state: 'waiting', waitingFor: 'input' })
  await say(id, `${commit('second')}\nsay: Second.`)
  person.leave()
  expect(await done()).toMatchObject({ state: 'accepted', attempt: 1, summary: 'Second.' })
  const sessions = (await dataOf(id, 'turn.started')).map(({ session }) => session)
  expect(sessions).toHaveLength(2)
  expect(new Set(sessions).size).toBe(1)
})

it('a message of a person is handed over, becomes a word and is acknowledged, once', async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('first'), 'say: First.'])
  await happens(id, 'turn.started')
  const payload = { subject: 'By the way', content: 'say: Told.', files: [] }
  await orch.client.call('sendMessage', { body: { to: id, type: 'context_share', payload } })
  await isOffered(id)
  writeFileSync(go, '')
  expect(await done()).toMatchObject({ state: 'accepted', attempt: 1 })
  const [told, ...more] = await dataOf(id, 'agent.told')
  expect(more).toEqual([])
  expect(told).toMatchObject({ message: true, text: expect.stringContaining('By the way') })
  expect(await dataOf(id, 'words.read')).toEqual([{ words: [told?.id], at: expect.any(Number) }])
  expect(await dataOf(id, 'message.read')).toHaveLength(1)
  expect(await types(id)).not.toContain('agent.continued')
})

it('words without end: a turn is let go now and then, and each word is read once', async () => {
  const marks = join(temporaryDirectory('orch-marks'), 'marks')
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('first')])
  await happens(id, 'turn.started')
  const mark = (index: number) => `do: echo ${index} >>${marks}; sleep 0.3`
  await say(id, mark(0))
  writeFileSync(go, '')
  for (let index = 1; index <= 9; index++) {
    await until(`word ${index - 1} is read`, () => readIfThere(marks).includes(`${index - 1}\n`))
    await say(id, mark(index))
  }
  expect(await done()).toMatchObject({ state: 'accepted', attempt: 1 })
  expect(readIfThere(marks).trim().split('\n').map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  expect((await types(id)).filter((type) => type === 'agent.continued').length).toBeLessThanOrEqual(2)
})

it('a person takes over, types, and is waited for; when they leave, it is done', async () => {
  const go = flag()
  const { id, done } = await give([waitFor(go), commit('mine'), 'say: Mine.'])
  await happens(id, 'turn.started')
  const person = await attach(id)
  writeFileSync(go, '')
  await state(id, { state: 'waiting', waitingFor: 'input' })
  person.type(commit('yours'))
  await happens(id, 'turn.ended', 2)
  await state(id, { state: 'waiting', waitingFor: 'input' })
  person.leave()
  expect(await done()).toMatchObject({ state: 'accepted', summary: 'done' })
  expect(await types(id)).toEqual(expect.arrayContaining(['agent.attached', 'agent.detached']))
})

it('asks for leave, waits, and goes on when a person gives it', async () => {
  const { id, done } = await give(['ask: echo a >a; git add a; git commit -qm a', 'say: Allowed.'])
  await state(id, { state: 'waiting', waitingFor: 'permission' })
  const person = await attach(id)
  person.type('')
  await happens(id, 'turn.ended') // keys that come all at once are a paste
  person.leave()
  expect(await done()).toMatchObject({ state: 'accepted', summary: 'Allowed.' })
})

it.each([
  [
    'after its turn: that is its end',
    [commit('left'), 'say: Left.'],
    false,
    { state: 'accepted', summary: 'Left.' },
  ],
  [
    'in mid-turn: that is a failure',
    ['do: sleep 300'],
    true,
    { state: 'dead', reason: { code: 'agent-failed' } },
  ],
])('a person leaves the program %s', async (_, lines, abruptly, expected) => {
  const go = flag()
  const { id, done } = await give([waitFor(go), ...lines])
  await happens(id, 'turn.started')
  const person = await attach(id)
  writeFileSync(go, '')
  if (abruptly) {
    await happens(id, 'tool.called')
    const pid = agentProcesses(id).find((it) =>
      readFileSync(`/proc/${it}/cmdline`, 'utf8').includes('acts-in'),
    )
    process.kill(Number(pid), 'SIGTERM')
  } else {
    await state(id, { state: 'waiting' })
    person.type('/exit')
    await happens(id, 'agent.exited')
    person.leave()
  }
  expect(await done()).toMatchObject(expected)
})

it('the quota of the account is waited for', async () => {
  const { id } = await give(['refused: rate_limit'])
  await state(id, { state: 'waiting', waitingFor: 'quota' })
  await until('its program has ended', () => agentProcesses(id).length === 0)
  await orch.client.call('cancel', { params: { id } })
})

it('limits of time and of silence end it, and cancel leaves nothing', async () => {
  const idle = await give(['do: sleep 300'], { limits: { idleMinutes: 1 / 60 } })
  const wall = await give(['do: sleep 300'], { wallMinutes: 1 / 60 })
  expect(await idle.done()).toMatchObject({ state: 'dead', reason: { code: 'idle-limit' } })
  expect(await wall.done()).toMatchObject({ state: 'dead', reason: { code: 'time-limit' } })
  const { id } = await give(['do: sleep 300'])
  await happens(id, 'turn.started')
  await orch.client.call('cancel', { params: { id } })
  expect(await orch.task(id)).toMatchObject({ state: 'cancelled' })
  for (const one of [id, idle.id, wall.id]) expect(agentProcesses(one)).toEqual([])
})

it('is refused where there is no terminal', async () => {
  await expect(give(['say: no'], { runtime: 'process' })).rejects.toMatchObject({ code: 'E_INVALID' })
  const { stdout } = await exec(
    ['tmux', '-S', orch.paths.tmuxSocket, 'list-sessions', '-F', '#{session_name}'],
    {
      env: orch.env,
    },
  )
  expect(stdout).not.toContain('t-')
})
