import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mcpFixture } from '../../../test/support/mcp.ts'
import { realParts } from '../../../test/support/parts.ts'
import { makeRepository } from '../../../test/support/repository.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { mcpHandlers } from './mcp.ts'

const declaration = { command: mcpFixture('lists-two-tools') as [string, ...string[]], env: ['KEY'] }

test('servers are listed, asked, approved and revoked', async () => {
  const parts = await realParts({ config: { mcpServers: { it: declaration } } })
  const { path } = await makeRepository()
  mkdirSync(join(path, 'deep'))
  writeFileSync(join(path, 'deep', 'a.txt'), '')
  const repo = join(path, 'deep')
  const { mcpServers, checkMcpServers, approveMcpServers, revokeMcpServers } = mcpHandlers(parts)
  expect(await mcpServers({ query: { repo } })).toEqual({
    servers: [{ name: 'it', ...declaration, origin: 'user', approval: 'none' }],
  })
  const env = { KEY: 'value' }
  expect(await checkMcpServers({ body: { repo, names: [], env: {} } })).toMatchObject({
    servers: [{ state: 'failed', message: expect.stringContaining('needs KEY') }],
  })
  const { servers } = await checkMcpServers({ body: { names: ['it'], env } })
  expect(servers).toMatchObject([{ state: 'ready', tools: [{ name: 'add' }, { name: 'say' }] }])
  expect((await mcpServers({ query: {} })).servers).toMatchObject([{ approval: 'none' }])
  expect(await approveMcpServers({ body: { repo, names: ['it'], env } })).toEqual({ servers })
  expect((await mcpServers({ query: {} })).servers).toMatchObject([{ approval: 'approved', tools: 2 }])
  expect(await revokeMcpServers({ body: { names: ['it'] } })).toEqual({ revoked: 1 })
  const nowhere = temporaryDirectory()
  await expect(mcpServers({ query: { repo: nowhere } })).rejects.toMatchObject({ code: 'E_NOT_A_REPOSITORY' })
})
