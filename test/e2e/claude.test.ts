import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { EventView } from '../../src/api/contract.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/** The driver `claude` over a program that speaks Claude Code's protocol: test/fixtures/agents/claude. */

const directory = fileURLToPath(new URL('../fixtures/agents/claude', import.meta.url))
const PATH = [directory, process.env.PATH].join(delimiter)

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ PATH })
})
afterAll(() => orch.close())

async function give(description: string, more: object = {}, files: Record<string, string> = {}) {
  const repository = await makeRepository()
  if (Object.keys(files).length > 0) await repository.commit(files, 'Configure')
  const run = await orch.submit(repository.path, [{ description, tries: 1, ...more }])
  return { repository, run, id: run.tasks[0]?.id ?? '' }
}
const whole = async (description: string, more: object = {}, files?: Record<string, string>) => {
  const given = await give(description, more, files)
  const [task] = await orch.finished(given.run.id)
  if (!task) throw new Error('no task')
  return { ...given, task, events: await eventsOf(given.id) }
}
async function eventsOf(task: string): Promise<EventView[]> {
  const events: EventView[] = []
  for await (const event of orch.client.events({ after: 0, task, follow: false })) events.push(event)
  return events
}
const ofType = (events: EventView[], type: string) => events.filter((event) => event.type === type)
const logOf = async (id: string) => (await orch.client.call('log', { params: { id }, query: {} })).text
const say = (id: string, text: string) => orch.client.call('say', { params: { id }, body: { text } })
const turns = (count: number, events: EventView[]) => ofType(events, 'turn.started').length >= count
const turnStarted = (id: string, count = 1) =>
  until(`turn ${count} started`, async () => turns(count, await eventsOf(id)))

describe('which agent program works', () => {
  it('claude, when nothing is said and it is installed', async () => {
    expect((await whole('Add work')).task).toMatchObject({ state: 'accepted', driver: 'claude' })
  })

  it('none: the error says what to install and how to do without', async () => {
    const without = (process.env.PATH ?? '').split(delimiter).filter((it) => !existsSync(join(it, 'claude')))
    const bare = await startOrch({ PATH: [dirname(process.execPath), ...without].join(delimiter) })
    try {
      const { path } = await makeRepository()
      const failure = { code: 'E_NO_AGENT', fix: expect.stringMatching(/Claude Code.*--agent command/) }
      await expect(bare.submit(path, [{ description: 'x' }])).rejects.toMatchObject(failure)
      await expect(bare.submit(path, [{ description: 'x', driver: 'claude' }])).rejects.toMatchObject(failure)
    } finally {
      await bare.close()
    }
  })

  it('one that is not known is refused with those that are', async () => {
    await expect(give('x', { driver: 'clod' })).rejects.toMatchObject({
      code: 'E_NO_AGENT',
      message: expect.stringMatching(/claude, .*command/),
    })
  })
})

describe('a turn', () => {
  it('gives the events in order, the session, usage and cost, and a readable log', async () => {
    const { task, events, id } = await whole('Add work')
    const agents = ['turn.started', 'tool.called', 'message', 'usage', 'turn.ended']
    expect(events.map((event) => event.type).filter((type) => agents.includes(type))).toEqual(agents)
    const [started] = ofType(events, 'turn.started')
    const usage = {
      inputTokens: 100,
      outputTokens: 10,
      cacheReadTokens: 5,
      costUsd: 0.25,
      turns: 2,
      toolCalls: 1,
    }
    expect(task).toMatchObject({ summary: 'Added work.txt.', usage, proof: { filesChanged: ['work.txt'] } })
    expect(task.attempts[0]).toMatchObject({ session: started?.data?.session, usage })
    expect(JSON.parse(readFileSync(task.result ?? '', 'utf8'))).toMatchObject({ usage })
    expect(await logOf(id)).toMatch(/^● Bash echo .* ✓\nI added work\.txt\.\n$/)
  })

  it('is given the prompt, and the arguments that its profile asks for', async () => {
    const file =
      '---\nname: careful\nmodel: small\npermissions: edits\ntools: Read, Bash(git:*)\n---\nBe careful.\n'
    const files = { '.orch/profiles/careful.md': file }
    const { task, repository } = await whole('[[shows-what-it-got]]', { profile: 'careful' }, files)
    const { argv, text } = JSON.parse(await repository.git(['show', `${task.branch}:got.jsonl`]))
    expect(argv.join(' ')).toMatch(
      /^-p --input-format stream-json .* --permission-mode acceptEdits --allowedTools Read,Bash\(git:\*\),.* --model small --append-system-prompt Be careful\.$/,
    )
    expect(text).toContain(`You are ${task.agent}, working alone on task ${task.id}`)
    expect(task.agent).toMatch(/^careful-/)
  })

  it('the model of the task goes before that of its profile', async () => {
    const { events } = await whole('Add work', { model: 'large' })
    expect(ofType(events, 'turn.started')[0]?.data).toMatchObject({ model: 'large' })
  })
})

describe('orch say', () => {
  it('is answered by a further turn, also when the turn that runs ends just then', async () => {
    const { id, run } = await give('[[ends-its-turn-when-spoken-to]]')
    await turnStarted(id)
    await Promise.all([say(id, 'One thing more'), say(id, 'And another')])
    const [task] = await orch.finished(run.id)
    const events = await eventsOf(id)
    expect(task).toMatchObject({ state: 'accepted', proof: { commits: expect.any(Number) } })
    expect(task?.summary).toBe(`Turn ${ofType(events, 'turn.ended').length} done.`)
    expect(ofType(events, 'turn.ended').length).toBeGreaterThan(1)
    expect(task?.usage.costUsd).toBe(0.25 * ofType(events, 'turn.ended').length)
    expect(ofType(events, 'agent.said').map((event) => event.data?.text)).toEqual(
      expect.arrayContaining(['One thing more', 'And another']),
    )
    await expect(say(id, 'Too late')).rejects.toMatchObject({ code: 'E_STATE' })
  })

  it('keeps the attempt going while the word is on its way', async () => {
    const { id, run } = await give('[[reads-late]]')
    await turnStarted(id)
    await say(id, 'One thing more')
    writeFileSync(join((await orch.task(id)).workspace ?? '', 'spoken'), '')
    expect((await orch.finished(run.id))[0]).toMatchObject({ state: 'accepted', summary: 'Turn 2 done.' })
  })

  it('is heard also when the daemon was killed in between', async () => {
    const { id, run } = await give('[[ends-its-turn-when-spoken-to]]')
    await turnStarted(id)
    await orch.crash()
    await say(id, 'One thing more')
    await orch.crash()
    expect((await orch.finished(run.id))[0]).toMatchObject({
      state: 'accepted',
      attempt: 1,
      summary: 'Turn 2 done.',
    })
  })
})

describe('what goes wrong', () => {
  it('a dead API that calls itself success is tried again', async () => {
    const { task, events } = await whole('[[api-error-once]]', { tries: 2 })
    expect(task).toMatchObject({ state: 'accepted', attempt: 2, used: 1 })
    expect(task.attempts[0]).toMatchObject({ outcome: 'failed', reason: { code: 'api-error' } })
    expect(ofType(events, 'note')[0]?.data?.text).toContain('500')
  })

  it.each([
    ['[[api-error]]', 'api-error', 'API Error: 500'],
    ['[[ends-without-result]]', 'no-result', 'status 0'],
    ['[[refuses-to-start]]', 'no-result', 'cannot be used with root'],
  ])('%s: dead after the last try, %s', async (mode, code, message) => {
    const { task } = await whole(mode, { tries: 2 })
    const reason = { code, message: expect.stringContaining(message) }
    expect(task).toMatchObject({ state: 'dead', attempt: 2, used: 2, reason })
  })

  it('a hanging one is cancelled and leaves no process', async () => {
    const { id } = await give('[[hangs]]')
    await turnStarted(id)
    expect(agentProcesses(id).length).toBeGreaterThan(0)
    expect(await orch.client.call('cancel', { params: { id } })).toMatchObject({ state: 'cancelled' })
    expect(agentProcesses(id)).toEqual([])
  })
})

describe('the daemon is killed', () => {
  it('in mid-turn: every tool call is in the journal once', async () => {
    const { id, run } = await give('[[calls-many-tools]]')
    for (const calls of [2, 7, 12]) {
      await until(`${calls} calls`, async () => ofType(await eventsOf(id), 'tool.called').length >= calls)
      await orch.crash()
    }
    expect((await orch.finished(run.id))[0]).toMatchObject({ state: 'accepted', attempt: 1 })
    const inputs = ofType(await eventsOf(id), 'tool.called').map((event) => event.data?.input)
    const steps = Array.from({ length: 20 }, (_, index) => `echo step ${index + 1}`)
    expect(inputs.slice(0, 20)).toEqual(steps)
    expect(inputs).toHaveLength(21)
    expect(await logOf(id)).toMatch(/^(● Bash echo step \d+ ✓\n){20}● Bash echo 1 >work/)
  })

  it('right after the launch: the prompt is given once', async () => {
    const { id, run } = await give('[[shows-what-it-got]]')
    await until('a shim', () =>
      readdirSync(orch.paths.attempts).some((name) => name.includes(id.slice(2)) && isLaunched(name)),
    )
    await orch.crash()
    const [task] = await orch.finished(run.id)
    expect(task).toMatchObject({ state: 'accepted', attempt: 1, proof: { additions: 1, commits: 1 } })
    expect(ofType(await eventsOf(id), 'turn.started')).toHaveLength(1)
  })
})

const isLaunched = (agent: string) => existsSync(join(orch.paths.attempts, agent, 'spec.sh'))
