import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { beginWith, realParts } from '../../test/support/parts.ts'
import { makeRepository } from '../../test/support/repository.ts'

/** What can be known to be wrong is refused before anything is queued. */

const server = fileURLToPath(new URL('../../test/fixtures/mcp/exits-at-once.ts', import.meta.url))
const mcpServers = { broken: { command: [process.execPath, server] as [string, ...string[]], env: [] } }

it.each([
  ['an MCP server that does not answer', { mcpServers, mcp: ['broken'] }, {}, 'E_MCP_FAILED'],
  ['an MCP server that is not declared', { mcp: ['unknown'] }, {}, 'E_INVALID'],
  ['a profile that is not there', {}, { profile: 'no-such-profile' }, 'E_INVALID'],
  ['a terminal interface that a program has not', {}, { interactive: true }, 'E_INVALID'],
] as const)('%s', async (_, config, more, code) => {
  const parts = await realParts({ config: config as object })
  const orchestrator = await beginWith(parts)
  const { path } = await makeRepository()
  const task = { driver: 'command', argv: ['true'], description: 'Do it', ...more }
  const submitted = orchestrator.submit({ requestId: 'request-1', repo: path, tasks: [task], env: {} })
  await expect(submitted).rejects.toMatchObject({ code })
  expect(await parts.store.tasks.list()).toEqual([])
})

it('tells by its place in the order, or by its id, whom a task comes after', async () => {
  const parts = await realParts()
  const orchestrator = await beginWith(parts)
  const { path } = await makeRepository()
  const task = { driver: 'command', argv: ['true'], description: 'Do it', labels: ['gpu'] }
  const submit = (requestId: string, ...tasks: object[]) =>
    orchestrator.submit({ requestId, repo: path, tasks: tasks.map((it) => ({ ...task, ...it })), env: {} })
  const [first, last] = await submit('request-1', {}, { after: [0, 0] })
  expect(last?.spec).toMatchObject({ after: [first?.id, first?.id], labels: ['gpu'] })
  const [next] = await submit('request-2', { after: [last?.id] })
  expect(next?.spec.after).toEqual([last?.id])
  await expect(submit('request-3', {}, { after: [2] })).rejects.toMatchObject({ code: 'E_INVALID' })
  await expect(submit('request-4', { after: [0] })).rejects.toMatchObject({ code: 'E_INVALID' })
  await expect(submit('request-5', { after: ['t-none'] })).rejects.toMatchObject({ code: 'E_NOT_FOUND' })
  expect(await parts.store.tasks.list()).toHaveLength(3)
})
