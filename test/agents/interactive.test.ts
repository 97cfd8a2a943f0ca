import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { exec, spawnPiped } from '../../src/exec.ts'
import { type Model, type Step, startModel } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { whyNot } from './suite.ts'

/** The terminal interfaces of real agent programs, through the whole of Orch in real tmux: as suite.ts. */

const commit = (file: string): Step => ({
  shell: `echo ${file} >${file} && git add ${file} && git commit --quiet -m 'Add ${file}'`,
})
const SCRIPTS: Record<string, Step[]> = {
  'Add one file': [commit('one.txt'), { say: 'One file added.' }],
  'Add two files': [commit('two.txt'), { say: 'Two.' }],
  'Take your time': [commit('slow.txt'), { say: 'Slow file added.', afterMs: 4_000 }],
  'Wait for a person': [{ shell: 'sleep 5' }, commit('late.txt'), { say: 'Late.' }],
  'Ask for leave': [{ shell: 'touch ../outside-of-it' }, { say: 'Asked.' }],
  'Sleep long': [{ shell: 'sleep 300' }],
}
const script = (prompt: string) => Object.entries(SCRIPTS).find(([start]) => prompt.includes(start))?.[1]

const CODEX = (url: string) => `model = "scripted"
model_provider = "local"
[model_providers.local]
name = "local"
base_url = "${url}/v1"
wire_api = "responses"
env_key = "OPENAI_API_KEY"
[analytics]
enabled = false
[features]
plugins = false
`

const ASKS = '---\nname: asks\ndescription: Asks for leave\npermissions: ask\ntools: []\n---\n'

/** What each has been asked by now, were it a person's: nothing. Their homes are as on the first day. */
const PROGRAMS: Record<string, { settings(url: string): Record<string, string>; model?: string }> = {
  claude: {
    settings: (url) => ({ ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: `sk-${'dummy'.repeat(5)}` }),
  },
  codex: {
    settings: (url) => {
      const home = temporaryDirectory('orch-codex')
      writeFileSync(join(home, 'config.toml'), CODEX(url))
      const TMPDIR = join(home, 'tmp')
      mkdirSync(TMPDIR)
      return { CODEX_HOME: home, OPENAI_API_KEY: 'sk-dummy', TMPDIR }
    },
  },
  gemini: {
    settings: (url) => ({ GEMINI_API_KEY: 'dummy', GOOGLE_GEMINI_BASE_URL: url }),
    model: 'gemini-2.5-flash',
  },
}

for (const [name, { settings, model: modelName }] of Object.entries(PROGRAMS)) {
  const why = whyNot(name)
  describe.skipIf(why)(why ? `${name} in a terminal (skipped: ${why})` : `${name} in a terminal`, () => {
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
    const give = async (description: string, more: object = {}) => {
      const { path } = await makeRepository()
      mkdirSync(join(path, '.orch/profiles'), { recursive: true })
      writeFileSync(join(path, '.orch/profiles/asks.md'), ASKS)
      const task = { description, driver: name, tries: 1, interactive: true, ...more }
      const run = await orch.submit(path, [{ ...task, ...(modelName && { model: modelName }) }])
      return { run, id: run.tasks[0]?.id ?? '' }
    }
    const tmux = async (...args: string[]) =>
      (await exec(['tmux', '-S', orch.paths.tmuxSocket, ...args], { env: orch.env })).stdout
    const agentOf = async (id: string) =>
      (await tmux('list-sessions', '-F', '#{session_name}'))
        .split('\n')
        .find((it) => it.includes(id.slice(2))) ?? ''
    const calls = (id: string, count: number) =>
      until(`${count} tool calls`, async () => (await orch.task(id)).usage.toolCalls >= count, 60_000)
    const inState = (id: string, state: string) =>
      until(`${id} is ${state}`, async () => (await orch.task(id)).state === state, 90_000)
    const result = async (runId: string) => (await orch.finished(runId, 120_000))[0]
    const happened = async (id: string) => {
      const types: string[] = []
      for await (const { type } of orch.client.events({ task: id, after: 0, follow: false })) types.push(type)
      return types
    }
    const attach = async (id: string) => {
      const line = `tmux -S ${orch.paths.tmuxSocket} attach -t =${await agentOf(id)}`
      const client = spawnPiped(['script', '-qfec', line, '/dev/null'], {
        env: { ...orch.env, TERM: 'xterm-256color' },
      })
      client.stdout?.resume()
      await until('the person is seen', async () => (await happened(id)).includes('agent.attached'), 60_000)
      onTestFinished(() => void client.kill('SIGKILL'))
      return client
    }
    const asked = (words: string) =>
      until(`the model hears ${words}`, () => model.prompts.some((it) => it.includes(words)), 60_000)

    it('works without a question, and is accepted', async () => {
      const { run, id } = await give('Add one file')
      expect(await result(run.id)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt'] },
        usage: { toolCalls: 1 },
      })
      expect((await orch.task(id)).attempts[0]?.session).toMatch(/./)
    })

    it('goes on with a word in a new process, and a kill of the daemon loses no hook', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await orch.crash()
      await orch.client.call('say', { params: { id }, body: { text: 'Add one file too' } })
      expect(await result(run.id)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt', 'slow.txt'] },
        usage: { toolCalls: 2 },
      })
    })

    it('is taken over by a person, who types, and is done when they have left', async () => {
      const { run, id } = await give('Wait for a person')
      await asked('Wait for a person')
      const person = await attach(id)
      await calls(id, 2)
      await inState(id, 'waiting')
      person.stdin?.write('Add two files')
      await new Promise((resolve) => setTimeout(resolve, 500)) // a person is no paste
      person.stdin?.write('\r')
      await calls(id, 3)
      await inState(id, 'waiting')
      person.stdin?.write('\x02d')
      expect(await result(run.id)).toMatchObject({ state: 'accepted', summary: 'Two.' })
    })

    // Codex asks only where its sandbox stands in the way and the model wants out.
    it.skipIf(name === 'codex')('waits for leave, which a person gives it', async () => {
      const { run, id } = await give('Ask for leave', { profile: 'asks' })
      await inState(id, 'waiting')
      expect(await orch.task(id)).toMatchObject({ waitingFor: 'permission' })
      const person = await attach(id)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      person.stdin?.write('\r')
      await calls(id, 1)
      person.stdin?.write('\x02d')
      expect((await result(run.id))?.reason?.code).not.toBe('agent-failed')
    })

    it('leaves nothing when it is cancelled', async () => {
      const { id } = await give('Sleep long')
      await asked('Sleep long')
      expect(agentProcesses(id).length).toBeGreaterThan(0)
      await orch.client.call('cancel', { params: { id } })
      expect(await orch.task(id)).toMatchObject({ state: 'cancelled' })
      expect(agentProcesses(id)).toEqual([])
    })
  })
}
