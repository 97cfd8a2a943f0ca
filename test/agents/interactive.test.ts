import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { exec, spawnPiped } from '../../src/exec.ts'
import type { Step } from '../fixtures/model/server.ts'
import { agentProcesses } from '../support/agent-processes.ts'
import { until } from '../support/orch.ts'
import { temporaryDirectory } from '../support/temporary.ts'
import { commit, onStage } from './stage.ts'

/** The terminal interfaces of real agent programs, through the whole of Orch in real tmux (stage.ts). */

const SCRIPTS: Record<string, Step[]> = {
  'Add one file': [commit('one.txt'), { say: 'One file added.' }],
  'Add two files': [commit('two.txt'), { say: 'Two.' }],
  'Take your time': [commit('slow.txt'), { say: 'Slow file added.', afterMs: 4_000 }],
  'Wait for a person': [{ shell: 'sleep 5' }, commit('late.txt'), { say: 'Late.' }],
  'Ask for leave': [{ shell: 'touch ../outside-of-it' }, { say: 'Asked.' }],
  Answer: [{ say: 'Answered.', afterMs: 1_000 }],
  'Sleep long': [{ shell: 'sleep 300' }],
}
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

const withAsks = (path: string) => {
  mkdirSync(join(path, '.orch/profiles'), { recursive: true })
  writeFileSync(join(path, '.orch/profiles/asks.md'), ASKS)
}

for (const [name, { settings, model }] of Object.entries(PROGRAMS)) {
  const task = { driver: name, tries: 1, interactive: true, ...(model && { model }) }
  onStage({ title: `${name} in a terminal`, name, settings, task, scripts: SCRIPTS }, (stage) => {
    const { calls, result } = stage
    const give = (description: string, more: object = {}) => stage.give(description, more, withAsks)
    const tmux = async (...args: string[]) =>
      (await exec(['tmux', '-S', stage.orch().paths.tmuxSocket, ...args], { env: stage.orch().env })).stdout
    const agentOf = async (id: string) =>
      (await tmux('list-sessions', '-F', '#{session_name}'))
        .split('\n')
        .find((it) => it.includes(id.slice(2))) ?? ''
    const inState = (id: string, state: string) =>
      until(`${id} is ${state}`, async () => (await stage.orch().task(id)).state === state, 90_000)
    const happened = async (id: string) => {
      const types: string[] = []
      for await (const { type } of stage.orch().client.events({ task: id, after: 0, follow: false }))
        types.push(type)
      return types
    }
    const attach = async (id: string) => {
      const line = `tmux -S ${stage.orch().paths.tmuxSocket} attach -t =${await agentOf(id)}`
      const client = spawnPiped(['script', '-qfec', line, '/dev/null'], {
        env: { ...stage.orch().env, TERM: 'xterm-256color' },
      })
      client.stdout?.resume()
      await until('the person is seen', async () => (await happened(id)).includes('agent.attached'), 60_000)
      onTestFinished(() => void client.kill('SIGKILL'))
      return client
    }
    const asked = (words: string) =>
      until(`the model hears ${words}`, () => stage.model().prompts.some((it) => it.includes(words)), 60_000)

    it('works without a question, and is accepted', async () => {
      const { run, id } = await give('Add one file')
      expect(await result(run)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt'] },
        usage: { toolCalls: 1 },
      })
      expect((await stage.orch().task(id)).attempts[0]?.session).toMatch(/./)
    })

    it('goes on with a word in the same process, also when the daemon was killed', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await stage.say(id, 'Add one file too')
      const directory = join(stage.orch().paths.attempts, await agentOf(id))
      await until('it is on offer', () => readdirSync(directory).some((it) => it.startsWith('offer.')))
      await stage.orch().crash()
      expect(await result(run)).toMatchObject({
        state: 'accepted',
        attempt: 1,
        summary: 'One file added.',
        proof: { filesChanged: ['one.txt', 'slow.txt'] },
        usage: { toolCalls: 2 },
      })
      const types = await happened(id)
      expect(types).toContain('words.read')
      expect(types).not.toContain('agent.continued')
    })

    it('reads what is said to it again and again, each once, with a new process now and then', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      await stage.say(id, 'Answer 0')
      for (let index = 1; index <= 8; index++) {
        await asked(`Answer ${index - 1}`)
        await stage.say(id, `Answer ${index}`)
      }
      expect(await result(run)).toMatchObject({ state: 'accepted', attempt: 1, summary: 'Answered.' })
      const last = JSON.parse(stage.model().bodies.at(-1) ?? '{}')
      const turns: unknown[] = last.messages ?? last.input ?? last.contents
      const heard = turns.map((it) => JSON.stringify(it)).filter((it) => /"role":"user"/.test(it))
      for (let index = 0; index <= 8; index++)
        expect(heard.filter((it) => it.includes(`Answer ${index}`))).toHaveLength(1)
      expect((await happened(id)).filter((type) => type === 'agent.continued').length).toBeLessThanOrEqual(2)
    })

    it('reads a word of many lines and signs as it was said', async () => {
      const { run, id } = await give('Take your time')
      await calls(id, 1)
      const word = 'Answer "quotes" \\ \\n %s $HOME `id`\nü 漢字 \'end\''
      await stage.say(id, word)
      expect(await result(run)).toMatchObject({ state: 'accepted', summary: 'Answered.' })
      expect(stage.model().prompts.some((prompt) => prompt.includes(word))).toBe(true)
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
      expect(await result(run)).toMatchObject({ state: 'accepted', summary: 'Two.' })
    })

    // Codex asks only where its sandbox stands in the way and the model wants out.
    it.skipIf(name === 'codex')('waits for leave, which a person gives it', async () => {
      const { run, id } = await give('Ask for leave', { profile: 'asks' })
      await inState(id, 'waiting')
      expect(await stage.orch().task(id)).toMatchObject({ waitingFor: 'permission' })
      const person = await attach(id)
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      person.stdin?.write('\r')
      await calls(id, 1)
      person.stdin?.write('\x02d')
      expect((await result(run))?.reason?.code).not.toBe('agent-failed')
    })

    it('leaves nothing when it is cancelled', async () => {
      const { id } = await give('Sleep long')
      await asked('Sleep long')
      expect(agentProcesses(id).length).toBeGreaterThan(0)
      await stage.orch().client.call('cancel', { params: { id } })
      expect(await stage.orch().task(id)).toMatchObject({ state: 'cancelled' })
      expect(agentProcesses(id)).toEqual([])
    })
  })
}
