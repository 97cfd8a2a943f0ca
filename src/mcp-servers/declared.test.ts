import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryDirectory } from '../../test/support/temporary.ts'
import { loadConfig } from '../config/load.ts'
import { declaredIn, named } from './declared.ts'

/** What a repository and its user declare, each in a file. */
async function declaring(user: string, project: string) {
  const home = temporaryDirectory('home')
  const repo = temporaryDirectory('repo')
  mkdirSync(join(repo, '.orch'))
  writeFileSync(join(home, 'config.yaml'), user)
  writeFileSync(join(repo, '.orch', 'config.yaml'), project)
  const environment = { env: { ORCH_CONFIG: join(home, 'config.yaml') }, home }
  return { declared: declaredIn(await loadConfig(environment, { repo }), repo), repo }
}

test("each knows whose word it is; the repository's takes the place of the user's", async () => {
  const { declared } = await declaring(
    'mcpServers: { mine: { command: [mine] }, both: { command: [mine] } }',
    'mcpServers: { theirs: { url: "https://example.org/mcp", bearer: KEY }, both: { command: [theirs] } }',
  )
  expect(Object.fromEntries(declared)).toEqual({
    mine: { origin: 'user', server: { name: 'mine', command: ['mine'], env: [] } },
    both: { origin: 'project', server: { name: 'both', command: ['theirs'], env: [] } },
    theirs: {
      origin: 'project',
      server: { name: 'theirs', url: 'https://example.org/mcp', bearer: 'KEY', headers: {} },
    },
  })
})

test('names are found once each, and an unknown one is told with those that there are', async () => {
  const { declared } = await declaring('mcpServers: { mine: { command: [mine] } }', '')
  expect(named(declared, ['mine', 'mine'])).toHaveLength(1)
  expect(named(declared, [])).toHaveLength(1)
  expect(() => named(declared, ['orch'])).toThrow(
    expect.objectContaining({ code: 'E_INVALID', fix: 'Declared are: mine.' }),
  )
  expect(() => named(new Map(), ['mine'])).toThrow(expect.objectContaining({ code: 'E_INVALID' }))
})

test.each([
  ['a password in a URL', '{ it: { url: "https://me:secret@example.org/" } }', 'no password in a URL'],
  ['a token in a URL', '{ it: { url: "http://token-abc@example.org" } }', 'no password in a URL'],
  ['another protocol', '{ it: { url: "file:///etc/passwd" } }', 'URL'],
  ['no URL', '{ it: { url: "example" } }', 'URL'],
  ['no program', '{ it: { command: [] } }', 'mcpServers'],
  ['a shell string', '{ it: { command: "npx it" } }', 'a list `command`'],
  ['a value in the place of a name', '{ it: { command: [it], env: ["KEY=secret"] } }', 'never its value'],
  ['a header that is none', '{ it: { url: "https://example.org", headers: { "a b": KEY } } }', '`headers`'],
  ['both', '{ it: { url: "https://example.org", command: [it] } }', 'mcpServers'],
  ["the name of Orch's own", '{ orch: { command: [it] } }', 'orch is the name'],
  ['a bad name', '{ "It is": { command: [it] } }', 'mcpServers'],
])('%s is refused, and no secret quoted', async (_what, servers, told) => {
  const failed = await declaring('', `mcpServers: ${servers}`).catch((error) => error)
  expect(failed).toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(told) })
  expect(failed.message).not.toMatch(/secret|token-abc/)
})
