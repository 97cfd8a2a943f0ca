import { existsSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Model, type Step, startModel } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'

/**
 * The real Claude Code against a model that follows a script: ORCH_TEST_AGENTS=claude, and claude on PATH.
 * docs/drivers.md tells how to run it where nothing can leave the machine.
 */

const commit = (file: string): Step => ({
  shell: `echo ${file} >${file} && git add ${file} && git commit --quiet -m 'Add ${file}'`,
})
const SCRIPTS: Record<string, Step[]> = {
  'Add one file': [commit('one.txt'), { say: 'One file added.' }],
  'Take your time': [commit('slow.txt'), { say: 'Slow file added.', afterMs: 4_000 }],
  'Find the service dead': [{ status: 500 }],
  'Sleep long': [{ shell: 'sleep 300' }],
}
const script = (prompt: string) => Object.entries(SCRIPTS).find(([start]) => prompt.includes(start))?.[1]

const onPath = (process.env.PATH ?? '')
  .split(delimiter)
  .some((place) => isAbsolute(place) && existsSync(join(place, 'claude')))
const asked = (process.env.ORCH_TEST_AGENTS ?? '').split(',').includes('claude')
const why = asked ? 'claude is not on PATH' : 'ORCH_TEST_AGENTS does not name claude'
const suite = asked && onPath ? describe : describe.skip

suite(asked && onPath ? 'the real claude' : `the real claude (skipped: ${why})`, () => {
  let orch: Orch
  let model: Model
  beforeAll(async () => {
    model = await startModel(script)
    orch = await startOrch({
      ANTHROPIC_BASE_URL: model.url,
      ANTHROPIC_API_KEY: 'sk-dummy',
      CLAUDE_CODE_MAX_RETRIES: '1',
    })
  })
  afterAll(async () => {
    await orch?.close()
    await model?.close()
  })
  const give = async (description: string) => {
    const { path } = await makeRepository()
    const run = await orch.submit(path, [{ description, driver: 'claude', tries: 2 }])
    return { run, id: run.tasks[0]?.id ?? '' }
  }
  const calls = (id: string, count: number) =>
    until(`${count} tool calls`, async () => (await orch.task(id)).usage.toolCalls >= count)
  const result = async (runId: string) => (await orch.finished(runId))[0]

  it('works, and is accepted with what it cost', async () => {
    const { run } = await give('Add one file')
    const task = await result(run.id)
    expect(task).toMatchObject({
      state: 'accepted',
      attempt: 1,
      summary: 'One file added.',
      proof: { filesChanged: ['one.txt'] },
      usage: { inputTokens: 2_000, outputTokens: 100, cacheReadTokens: 400, turns: 2, toolCalls: 1 },
    })
    expect(task?.usage.costUsd).toBeGreaterThan(0)
    expect(task?.attempts[0]?.session).toMatch(/^[0-9a-f-]{36}$/)
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
      usage: { inputTokens: 4_000, turns: 4, toolCalls: 2 },
    })
  })

  it('fails with api-error when the service is dead, and is tried again', async () => {
    const { run } = await give('Find the service dead')
    const task = await result(run.id)
    expect(task).toMatchObject({ state: 'dead', attempt: 2, reason: { code: 'api-error' } })
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
