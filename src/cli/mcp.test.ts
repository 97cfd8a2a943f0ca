import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../test/support/cli.ts'
import { makeRepository } from '../../test/support/repository.ts'
import type { Checked, Handlers } from '../api/contract.ts'
import type { McpFindingView } from '../api/verbs/mcp-servers.ts'

const wild = 'a\u001b[2J\u202eb'
const found: McpFindingView[] = [
  { name: 'docs', state: 'ready', hash: 'f', tools: [{ name: wild, description: `one\ntwo${wild}` }] },
  { name: 'mine', state: 'changed', hash: 'f', tools: [], message: `tool changed: ${wild}` },
  { name: 'new', state: 'unapproved', tools: [], message: 'nobody approved it' },
  { name: 'bad', state: 'failed', tools: [], message: 'it ended with status 1' },
]

async function daemon(more: Partial<Handlers> = {}) {
  const asked: (Checked<'checkMcpServers'> | Checked<'approveMcpServers'>)['body'][] = []
  const note = async ({ body }: { body: (typeof asked)[number] }) => {
    asked.push(body)
    return { servers: found.filter(({ name }) => body.names.length === 0 || body.names.includes(name)) }
  }
  return { ...(await fakeDaemon({ checkMcpServers: note, approveMcpServers: note, ...more })), asked }
}

test('list shows what is declared, from where, and whether it is approved', async () => {
  const { state } = await daemon({
    mcpServers: async () => ({
      servers: [
        { name: 'docs', command: ['npx', wild], env: ['KEY'], origin: 'user', approval: 'none' },
        { name: 'web', url: 'https://example.org', headers: { a: 'B' }, origin: 'project', approval: 'none' },
        { name: 'db', command: ['db'], env: [], origin: 'project', approval: 'approved', tools: 3 },
        { name: 'old', command: ['old'], env: [], origin: 'user', approval: 'outdated', tools: 1 },
      ],
    }),
  })
  const { out, code } = await orch(['mcp', 'list'], { state })
  expect(code).toBe(0)
  expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
    ['NAME', 'FROM', 'APPROVED', 'TOOLS', 'SERVER'],
    ['docs', 'user', 'when used', 'npx ab (needs KEY)'],
    ['web', 'project', 'no', 'https://example.org (needs B)'],
    ['db', 'project', 'yes', '3', 'db'],
    ['old', 'user', 'outdated', '1', 'old'],
    [''],
  ])
})

test('check shows tools and what to do, without control characters, and ends with 4', async () => {
  const { state, asked } = await daemon()
  const { out, code } = await orch(['mcp', 'check'], { state })
  expect(code).toBe(4)
  expect(out).toBe(
    [
      '✓ docs  ready, 1 tool',
      '  ab  one twoab',
      '! mine  changed, 0 tools: tool changed: ab',
      '  → orch mcp approve mine',
      '! new  unapproved: nobody approved it',
      '  → orch mcp check new starts it and shows its tools',
      '✗ bad  failed: it ended with status 1',
      '',
    ].join('\n'),
  )
  expect(asked[0]).toMatchObject({ names: [] })
  expect(await orch(['mcp', 'check', 'docs'], { state })).toMatchObject({ code: 0 })
  const json = await orch(['mcp', 'check', '--json'], { state })
  expect(JSON.parse(json.out)).toMatchObject({ kind: 'mcp-check', servers: found })
})

test('without servers there is a word about it', async () => {
  const { state } = await fakeDaemon()
  for (const verb of ['list', 'check'])
    expect(await orch(['mcp', verb], { state })).toMatchObject({
      code: 0,
      out: 'no MCP servers are declared: see mcpServers in docs/mcp.md\n',
    })
})

test('of the environment the daemon gets what declarations name, and PATH and HOME', async () => {
  const { state, asked } = await daemon()
  const { path } = await makeRepository()
  mkdirSync(join(path, '.orch'))
  writeFileSync(join(path, '.orch', 'config.yaml'), 'mcpServers: { docs: { command: [docs], env: [KEY] } }')
  const env = { PATH: '/bin', HOME: '/home/me', KEY: 'value', OTHER: 'secret' }
  expect(await orch(['mcp', 'approve', 'docs'], { state, cwd: path, env })).toMatchObject({
    code: 0,
    out: '✓ docs  approved, 1 tool\n  ab  one twoab\n',
  })
  expect(asked).toEqual([
    { repo: path, names: ['docs'], env: { PATH: '/bin', HOME: '/home/me', KEY: 'value' } },
  ])
})

test('approvals are for persons, and need names', async () => {
  const { state, asked } = await daemon()
  for (const verb of ['approve', 'revoke']) {
    const inside = await orch(['mcp', verb, 'docs'], { state, env: { ORCH_AGENT: 'task-agent-1' } })
    expect(inside).toMatchObject({ code: 5, err: expect.stringContaining('E_FORBIDDEN') })
    expect(await orch(['mcp', verb], { state })).toMatchObject({ code: 2 })
  }
  expect(await orch(['mcp', 'approve', 'No Name'], { state })).toMatchObject({ code: 2 })
  expect(asked).toEqual([])
})

test('revoke tells how many approvals there were', async () => {
  const { state } = await daemon({ revokeMcpServers: async () => ({ revoked: 1 }) })
  expect(await orch(['mcp', 'revoke', 'docs', 'web'], { state })).toMatchObject({
    code: 0,
    out: '1 approval forgotten\n',
  })
})
