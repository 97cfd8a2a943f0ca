import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Model, type Step, startModel } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/**
 * Real agent programs through the whole of Orch, against a model that follows a script: ORCH_TEST_AGENTS=NAME,… and the
 * program on PATH. docs/drivers.md tells how to run it where nothing can leave the machine.
 */
export interface RealAgent {
  name: string
  /** Settings of the daemon and variables of the program, so that it asks the model at `url` and nobody else. */
  settings(url: string): Record<string, string>
  /** Given to each task: the name of the model, where it has no other place. */
  model?: string
  /** How often the model is asked for a task with one tool call, as the program tells it in `usage.turns`. */
  turns: number
  /** Whether it is given MCP servers. */
  mcp: boolean
  /** Seconds until it gives up on a dead service; longer ones are not waited for. */
  givesUpAfter: number
}

const commit = (file: string): Step => ({
  shell: `echo ${file} >${file} && git add ${file} && git commit --quiet -m 'Add ${file}'`,
})
const SCRIPTS: Record<string, Step[]> = {
  'Add one file': [commit('one.txt'), { say: 'One file added.' }],
  'Take your time': [commit('slow.txt'), { say: 'Slow file added.', afterMs: 3_000 }],
  'Use your tools': [
    { tool: 'report_progress', input: { summary: 'Half of it', percent: 50 } },
    commit('tool.txt'),
    { say: 'Tools used.' },
  ],
  'Report by a command': [
    { shell: 'orch agent report-progress --summary "Half of it" --percent 50' },
    commit('told.txt'),
    { say: 'Told.' },
  ],
  'Find the service dead': [{ status: 500 }],
  'Find the login refused': [{ status: 401 }],
  'Sleep long': [{ shell: 'sleep 300' }],
}
const script = (prompt: string) => Object.entries(SCRIPTS).find(([start]) => prompt.includes(start))?.[1]

const onPath = (name: string) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .some((place) => isAbsolute(place) && existsSync(join(place, name)))

/** Why the tests of a program do not run; undefined when they do. */
export function whyNot(name: string): string | undefined {
  const asked = (process.env.ORCH_TEST_AGENTS ?? '').split(',').includes(name)
  if (!asked) return `ORCH_TEST_AGENTS does not name ${name}`
  return onPath(name) ? undefined : `${name} is not on PATH`
}

export function realAgent({ name, settings, model: modelName, turns, mcp, givesUpAfter }: RealAgent): void {
  const why = whyNot(name)
  describe.skipIf(why !== undefined)(why ? `the real ${name} (skipped: ${why})` : `the real ${name}`, () => {
    let orch: Orch
    let model: Model
    beforeAll(async () => {
      model = await startModel(script)
      orch = await startOrch(settings(model.url))
    })
    afterAll(async () => {
      await orch?.close()
      await model?.close()
    })
    const give = async (description: string) => {
      const { path } = await makeRepository()
      const task = { description, driver: name, tries: 2, ...(modelName && { model: modelName }) }
      const run = await orch.submit(path, [task])
      return { run, id: run.tasks[0]?.id ?? '' }
    }
    const calls = (id: string, count: number) =>
      until(`${count} tool calls`, async () => (await orch.task(id)).usage.toolCalls >= count)
    const result = async (runId: string) => (await orch.finished(runId, 120_000))[0]

    it('works, and is accepted with what it cost', async () => {
      const { run } = await give('Add one file')
      const task = await result(run.id)
      expect(task).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt'] },
        usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, turns, toolCalls: 1 },
      })
      expect(task?.attempts[0]?.session).toMatch(/./)
    })

    it('answers what is said to it in a further turn, also with a new daemon', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await orch.crash()
      await orch.client.call('say', { params: { id }, body: { text: 'Add one file too' } })
      expect(await result(run.id)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt', 'slow.txt'] },
        usage: { inputTokens: 4_000, turns: 2 * turns, toolCalls: 2 },
      })
    })

    const ways = [
      ...(mcp ? [['as tools of an MCP server', 'Use your tools']] : []),
      ['by a command', 'Report by a command'],
    ]
    it.each(ways)("has Orch's own verbs %s", async (_, description = '') => {
      const { run, id } = await give(description)
      expect(await result(run.id)).toMatchObject({ state: 'accepted', usage: { toolCalls: 2 } })
      const progress = orch.client.events({ task: id, after: 0, follow: false, types: ['agent.progress'] })
      for await (const event of progress) {
        expect(event).toMatchObject({ data: { summary: 'Half of it', percent: 50 } })
        return
      }
      expect.unreachable('no progress was told')
    })

    it.runIf(givesUpAfter <= 30)(
      'fails with api-error when the service is dead, and is tried again',
      async () => {
        const { run } = await give('Find the service dead')
        expect(await result(run.id)).toMatchObject({
          state: 'dead',
          attempt: 2,
          reason: { code: 'api-error' },
        })
      },
      120_000,
    )

    it('is given up at once when the login is refused', async () => {
      const { run } = await give('Find the login refused')
      expect(await result(run.id)).toMatchObject({
        state: 'dead',
        attempt: 1,
        reason: { code: 'login-refused' },
      })
    })

    it('leaves nothing when it is cancelled', async () => {
      const { id } = await give('Sleep long')
      await until('the model was asked', () => model.prompts.some((prompt) => prompt.includes('Sleep long')))
      expect(agentProcesses(id).length).toBeGreaterThan(0)
      await orch.client.call('cancel', { params: { id } })
      expect(await orch.task(id)).toMatchObject({ state: 'cancelled' })
      expect(agentProcesses(id)).toEqual([])
    })
  })
}
