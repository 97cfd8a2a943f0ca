import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { agent, type Orch, startOrch, until } from '../support/orch.ts'
import { makeRepository } from '../support/repository.ts'
import { temporaryDirectory } from '../support/temporary.ts'

/** What agents get from Orch, in a real agent of a real daemon that is killed in the middle. */

let orch: Orch
beforeAll(async () => {
  orch = await startOrch({ ORCH_TRIES: '1' })
})
afterAll(() => orch.close())

const program = [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts')]

async function begin(done: boolean) {
  const meet = temporaryDirectory('orch-meet')
  const repository = await makeRepository()
  const argv = [agent('reports-to-orch'), meet, String(done), ...program]
  const run = await orch.submit(repository.path, [
    { driver: 'command', argv, description: 'Report to Orch', tries: 1 },
  ])
  const events = async (...types: string[]) => {
    const found: { type: string; data?: Record<string, unknown> }[] = []
    const listening = orch.client.events({ run: run.id, after: 0, follow: false })
    for await (const event of listening) if (types.includes(event.type)) found.push(event)
    return found
  }
  const token = await until('the agent runs', () => existsSync(join(meet, 'token')) && read(meet, 'token'))
  await until('it has reported', async () => (await events('agent.progress')).length > 0)
  return { meet, run, token, events }
}

const read = (...path: string[]) => readFileSync(join(...path), 'utf8')
const url = () => `http://127.0.0.1:${JSON.parse(read(orch.paths.mcpPort)).port}/mcp`

async function connect(token: string): Promise<Client> {
  const client = new Client({ name: 'agent', version: '1' })
  const requestInit = { headers: { authorization: `Bearer ${token}` } }
  await client.connect(new StreamableHTTPClientTransport(new URL(url()), { requestInit }))
  onTestFinished(() => client.close())
  return client
}

test('an agent reports, its MCP client outlives a kill of the daemon, and its own words become the report', async () => {
  const { meet, run, token, events } = await begin(true)
  expect(JSON.parse(read(meet, 'task'))).toMatchObject({ description: 'Report to Orch', attempt: 1 })
  const client = await connect(token)
  const before = url()
  await client.callTool({ name: 'report_progress', arguments: { summary: 'by MCP' } })
  await orch.crash()
  expect(url()).toBe(before)
  const task = await client.callTool({ name: 'get_task', arguments: {} })
  expect(task.structuredContent).toMatchObject({ id: run.tasks[0]?.id, state: 'working' })
  writeFileSync(join(meet, 'go'), '')
  const [ended] = await orch.finished(run.id)
  expect(ended).toMatchObject({ state: 'accepted', summary: 'My own words' })
  expect(await events('agent.progress', 'agent.completed')).toMatchObject([
    { data: { summary: 'The work is committed', percent: 90 } },
    { data: { summary: 'by MCP' } },
    { type: 'agent.completed', data: { done: true, summary: 'My own words' } },
  ])
  const late = await client.callTool({ name: 'report_progress', arguments: { summary: 'late' } })
  expect(late).toMatchObject({ isError: true, content: [{ text: expect.stringContaining('E_STALE') }] })
  expect(statSync(orch.paths.agentSecret).mode & 0o777).toBe(0o600)
  for (const file of [orch.paths.log, orch.paths.store, `${orch.paths.store}-wal`])
    if (existsSync(file)) expect(readFileSync(file).includes(token.split('.').at(-1) ?? '')).toBe(false)
})

test('an agent that gives up says why, and nothing is published', async () => {
  const { meet, run } = await begin(false)
  writeFileSync(join(meet, 'go'), '')
  const [ended] = await orch.finished(run.id)
  expect(ended).toMatchObject({ state: 'dead', reason: { code: 'gave-up', message: 'My own words' } })
  expect(ended?.pullRequest).toBeUndefined()
})
