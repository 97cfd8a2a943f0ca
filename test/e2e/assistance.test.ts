import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { TaskView } from '../../src/api/views.ts'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** Agents of a real daemon that ask each other, by `orch agent` and by MCP. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1', ORCH_RUN_TASKS: '4' })
})
afterAll(() => orch.close())

const program = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')]

async function begin() {
  const meet = temporaryDirectory('orch-meet')
  const repository = await makeRepository()
  const argv = [agent('asks-around'), meet, ...program]
  const task = { driver: 'command', argv, description: 'Mend the login', runtime: 'process' } as const
  const run = await orch.submit(repository.path, [task])
  const flag = (name: string) => writeFileSync(join(meet, name), '')
  const has = (name: string) => existsSync(join(meet, name))
  const met = (name: string) =>
    until(`${name} is there`, () => has(name) && readFileSync(join(meet, name), 'utf8'), 60_000)
  const tasks = async (): Promise<TaskView[]> =>
    (await orch.client.call('run', { params: { id: run.id } })).tasks
  const messages = async () => (await orch.client.call('messages', { query: { run: run.id } })).messages
  return { run, flag, has, met, tasks, messages, asker: run.tasks[0]?.id as string }
}

async function connect(token: string): Promise<Client> {
  const client = new Client({ name: 'agent', version: '1' })
  const { port } = JSON.parse(readFileSync(orch.paths.mcpPort, 'utf8'))
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(`http://127.0.0.1:${port}/mcp`), { requestInit }),
  )
  onTestFinished(() => client.close())
  return client
}

test('an expert is started and answers while the asker waits and the daemon is killed; a verdict refuses, then approves', async () => {
  const { run, flag, has, met, tasks, messages, asker } = await begin()
  const request = (await met('asked')).trim()
  const waiting = (await orch.task(asker)).state
  expect(waiting).toBe('waiting') // in its call of the tool
  await orch.crash()
  expect(has('index')).toBe(false)
  flag('go')
  expect(JSON.parse(await met('index'))).toMatchObject({
    request,
    started: true,
    answered: true,
    answer: { profile: 'database-optimizer', payload: { answer: 'A covering one, for select 1' } },
  })
  const refused = JSON.parse(await met('verdict-password'))
  expect(refused.answer.payload).toMatchObject({
    verdict: 'refused',
    findings: [{ title: 'A password in the log', file: 'login.txt' }],
  })
  const approved = JSON.parse(await met('verdict-nothing'))
  expect(approved.answer.payload).toMatchObject({ verdict: 'approved' })
  expect(approved.answer.payload.commit).not.toBe(refused.answer.payload.commit)
  flag('end')
  const ended = await orch.finished(run.id)
  expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'accepted'))
  const experts = (await tasks()).filter(({ id }) => id !== asker)
  expect(experts).toHaveLength(3)
  expect(experts.every(({ pullRequest }) => pullRequest === undefined)).toBe(true)
  const all = await messages()
  expect(all.map(({ message, state }) => [message.type, state])).toEqual([
    ['assistance_request', 'acknowledged'],
    ['assistance_response', 'acknowledged'],
    ['validation_request', 'acknowledged'],
    ['validation_result', 'acknowledged'],
    ['validation_request', 'acknowledged'],
    ['validation_result', 'acknowledged'],
  ])
  expect(all[0]).toMatchObject({ answer: { id: all[1]?.message.id } })
}, 180_000)

test('whoever asks nobody, too much, as another, or answers nothing is told so', async () => {
  const { run, flag, met, asker, messages } = await begin()
  await met('asked') // the second of four tasks of the run
  const client = await connect((await met('token')).trim())
  const call = async (name: string, input: Record<string, unknown>) => {
    const { isError, content } = await client.callTool({ name, arguments: input })
    return `${isError === true} ${content.map((it) => (it.type === 'text' ? it.text : '')).join('\n')}`
  }
  const ask = (capability: string) =>
    call('request_assistance', { question: `What of ${capability}?`, capability, wait: 0 })
  expect(await ask('juggling')).toMatch(/^true E_NOT_FOUND: nobody here can do juggling\n.*database/)
  expect(await ask('documentation')).toMatch(/^false .*"started":true/)
  expect(await ask('frontend')).toMatch(/^false .*"started":true/)
  expect(await ask('security')).toMatch(/^true E_LIMIT: .*runTasks/)
  expect(await call('send_message', { to: '*', text: 'x', from: 'person' })).toMatch(/^true .*from/)
  const huge = { to: '*', payload: { subject: 'x', content: 'y'.repeat(5_000_000) } }
  await expect(call('send_message', huge)).rejects.toThrow()
  const large = { to: '*', payload: { subject: 'x', content: 'y'.repeat(300_000) } }
  expect(await call('send_message', large)).toMatch(/^true E_TOO_LARGE/)
  expect(await call('answer', { request: 'm-nosuchmessage', text: 'x' })).toMatch(/^true E_NOT_FOUND/)
  expect(await call('send_message', { to: 'nobody-here', text: 'x' })).toMatch(/^true E_NOT_FOUND/)
  expect((await messages()).filter(({ message }) => message.from !== asker)).toEqual([])
  await orch.client.call('cancel', { params: { id: asker } })
  expect(await call('send_message', { to: '*', text: 'late' })).toMatch(/^true E_STALE/)
  flag('go')
  await orch.finished(run.id)
}, 120_000)
