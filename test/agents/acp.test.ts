import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { Step } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { until } from '../support/orch.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { commit, onStage } from './stage.ts'

/** Real programs as agents of the Agent Client Protocol: ORCH_TEST_AGENTS=opencode,gemini. stage.ts tells the rest. */

interface AcpProgram {
  name: string
  argv: string[]
  settings(url: string): Record<string, string>
}

const PROGRAMS: AcpProgram[] = [
  {
    name: 'opencode',
    argv: ['opencode', 'acp'],
    settings(url) {
      const home = temporaryDirectory('orch-acp')
      mkdirSync(join(home, 'opencode'))
      const config = {
        model: 'anthropic/claude-sonnet-4-5',
        provider: { anthropic: { options: { baseURL: `${url}/v1`, apiKey: 'dummy' } } },
      }
      writeFileSync(join(home, 'opencode/opencode.json'), JSON.stringify(config))
      return { XDG_CONFIG_HOME: home, XDG_DATA_HOME: home, XDG_CACHE_HOME: home, XDG_STATE_HOME: home }
    },
  },
  {
    name: 'gemini',
    argv: ['gemini', '--acp'],
    settings: (url) => ({
      GEMINI_CLI_HOME: temporaryDirectory('orch-acp'),
      GEMINI_API_KEY: 'dummy',
      GEMINI_CLI_TRUST_WORKSPACE: 'true', // in a directory that it does not trust it leaves MCP servers out
      GOOGLE_GEMINI_BASE_URL: url,
    }),
  },
]

const SCRIPTS: Record<string, Step[]> = {
  'Add one file': [commit('one.txt'), { say: 'One file added.' }],
  'Take your time': [commit('slow.txt'), { say: 'Slow file added.', afterMs: 3_000 }],
  'Use your tools': [
    { tool: 'report_progress', input: { summary: 'Half of it', percent: 50 } },
    commit('tool.txt'),
    { say: 'Tools used.' },
  ],
  'Work on and on': [commit('begun.txt'), { shell: 'until test -e never; do sleep 0.2; done' }],
}

for (const { name, argv, settings } of PROGRAMS) {
  const play = { title: argv.join(' '), name, settings, scripts: SCRIPTS }
  onStage({ ...play, task: { driver: 'acp', argv, tries: 1 } }, (stage) => {
    const { give, calls, result } = stage
    const shellRuns = (id: string) =>
      until('its shell', () => stage.model().prompts.length > 1 && agentProcesses(id).length > 2)

    it('works, and is accepted', async () => {
      const { run } = await give('Add one file')
      const task = await result(run)
      expect(task).toMatchObject({
        state: 'accepted',
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt'] },
        usage: { turns: 1, toolCalls: 1 },
      })
      expect(task?.usage.inputTokens).toBeGreaterThan(0)
      expect(task?.attempts[0]?.session).toMatch(/./)
    })

    it('answers what is said to it when its turn has ended, also with a new daemon', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await stage.orch().crash()
      await stage.say(id, 'Add one file too')
      expect(await result(run)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt', 'slow.txt'] },
        usage: { turns: 2, toolCalls: 2 },
      })
    })

    it('calls tools of MCP servers', async () => {
      const { run } = await give('Use your tools')
      const task = await result(run)
      expect(task?.reason).toBeUndefined()
      expect(task).toMatchObject({ state: 'accepted', usage: { toolCalls: 2 } })
    })

    it('ends its turn when it is interrupted, and goes on with the next word', async () => {
      const { run, id } = await give('Work on and on')
      await calls(id, 1)
      await shellRuns(id)
      await stage.orch().client.call('interrupt', { params: { id }, body: {} })
      await until('it waits', async () => (await stage.orch().task(id)).waitingFor === 'input')
      await stage.say(id, 'Add one file')
      expect(await result(run)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        usage: { turns: 2 },
      })
    })

    it('leaves nothing when it is cancelled', async () => {
      const { id } = await give('Work on and on')
      await calls(id, 1)
      await shellRuns(id)
      await stage.orch().client.call('cancel', { params: { id } })
      expect(await stage.orch().task(id)).toMatchObject({ state: 'cancelled' })
      expect(agentProcesses(id)).toEqual([])
    })
  })
}
