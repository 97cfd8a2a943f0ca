import { expect, it } from 'vitest'
import type { Step } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { until } from '../support/orch.ts'
import { commit, onStage } from './stage.ts'

/** What every real agent program has to show, headless, through the whole of Orch (stage.ts). */
export interface RealAgent {
  name: string
  /** As `Play.settings`. */
  settings(url: string): Record<string, string>
  /** Given to each task: the name of the model, where it has no other place. */
  model?: string
  /** How often the model is asked for a task with one tool call, as the program tells it in `usage.turns`. */
  turns: number
  /** Whether it is given MCP servers. */
  mcp: boolean
  /** Whether it tells what its turns cost. */
  cost?: true
  /** Seconds until it gives up on a dead service; longer ones are not waited for. */
  givesUpAfter: number
}

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

export function realAgent({ name, settings, model, turns, mcp, cost, givesUpAfter }: RealAgent): void {
  const task = { driver: name, tries: 2, ...(model && { model }) }
  onStage({ title: `the real ${name}`, name, settings, task, scripts: SCRIPTS }, (stage) => {
    const { give, calls, result } = stage
    it('works, and is accepted with what it cost', async () => {
      const { run } = await give('Add one file')
      const task = await result(run)
      expect(task).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt'] },
        usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, turns, toolCalls: 1 },
      })
      expect(task?.attempts[0]?.session).toMatch(/./)
      if (cost) expect(task?.usage.costUsd).toBeGreaterThan(0)
    })

    it('answers what is said to it in a further turn, also with a new daemon', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await stage.orch().crash()
      await stage.say(id, 'Add one file too')
      expect(await result(run)).toMatchObject({
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
      expect(await result(run)).toMatchObject({ state: 'accepted', usage: { toolCalls: 2 } })
      const progress = stage
        .orch()
        .client.events({ task: id, after: 0, follow: false, types: ['agent.progress'] })
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
        expect(await result(run)).toMatchObject({
          state: 'dead',
          attempt: 2,
          reason: { code: 'api-error' },
        })
      },
      120_000,
    )

    it('is given up at once when the login is refused', async () => {
      const { run } = await give('Find the login refused')
      expect(await result(run)).toMatchObject({
        state: 'dead',
        attempt: 1,
        reason: { code: 'login-refused' },
      })
    })

    it('leaves nothing when it is cancelled', async () => {
      const { id } = await give('Sleep long')
      await until('the model was asked', () =>
        stage.model().prompts.some((prompt) => prompt.includes('Sleep long')),
      )
      expect(agentProcesses(id).length).toBeGreaterThan(0)
      await stage.orch().client.call('cancel', { params: { id } })
      expect(await stage.orch().task(id)).toMatchObject({ state: 'cancelled' })
      expect(agentProcesses(id)).toEqual([])
    })
  })
}
