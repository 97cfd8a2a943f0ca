import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mcpFixture } from '../../../test/support/mcp.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { packageVersion } from '../../api/version.ts'
import { exec } from '../../exec.ts'
import { type DoctorOptions, examine, type Finding } from './doctor.ts'

const IDENTITY =
  'case "$*" in *user.name) echo Sam;; *user.email) echo sam@example.org;; *) echo git version 2.39.5;; esac'
const GOOD = { git: IDENTITY, tmux: 'echo tmux 3.3a', 'apt-get': 'exit 1' }

/** A machine on which only these programs are installed: name and what its script does. */
async function onMachine(
  programs: Record<string, string>,
  given: Partial<DoctorOptions> & { env?: Record<string, string> } = {},
) {
  const bin = temporaryDirectory('d')
  for (const [name, script] of Object.entries(programs))
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  const home = temporaryDirectory('h')
  const { env, ...options } = given
  const findings = await examine({
    exec,
    environment: { env: { PATH: bin, ...env }, home, cwd: home, stdoutTty: false, stdinTty: false },
    platform: 'linux',
    daemon: async () => undefined,
    ...options,
  })
  const of = (name: string): Finding => {
    const found = findings.filter((it) => it.name === name)
    expect(found, name).toHaveLength(1)
    return found[0] as Finding
  }
  return { findings, of, home }
}

test('a machine with all that is needed fails nowhere', async () => {
  const { findings, of } = await onMachine({ ...GOOD, claude: 'echo 2.1.329 "(Claude Code)"' })
  expect(findings.filter(({ state }) => state === 'fail')).toEqual([])
  expect(of('git')).toMatchObject({ state: 'ok', found: expect.stringContaining('2.39.5') })
  expect(of('git identity').found).toBe('Sam <sam@example.org>')
  expect(of('claude')).toMatchObject({ state: 'ok', found: expect.stringContaining('2.1.329') })
  expect(of('codex')).toMatchObject({
    state: 'ok',
    found: 'not installed',
    fix: 'npm install -g @openai/codex',
  })
  expect(of('redis')).toMatchObject({ state: 'ok', fix: 'sudo apt-get install -y redis' })
  expect(of('state directory').found).toContain('not made yet')
  expect(of('daemon')).toMatchObject({ state: 'ok', found: expect.stringContaining('not running') })
})

test.each([
  ['apt-get', 'linux', 'sudo apt-get install -y'],
  ['dnf', 'linux', 'sudo dnf install -y'],
  ['apt-get', 'darwin', 'brew install'],
] as const)('an empty machine with %s on %s is told how to mend it', async (manager, platform, command) => {
  const { of } = await onMachine({ [manager]: '' }, { platform })
  expect(of('git')).toEqual({ name: 'git', state: 'fail', found: 'not installed', fix: `${command} git` })
  expect(of('tmux')).toMatchObject({ state: 'fail', fix: expect.stringContaining(`${command} tmux`) })
  expect(of('git identity')).toMatchObject({
    state: 'fail',
    fix: expect.stringContaining('git config --global user.name'),
  })
  expect(of('claude')).toMatchObject({ state: 'warn', fix: 'npm install -g @anthropic-ai/claude-code' })
})

test.each([
  ['git', 'git version 2.37.9', 'fail'],
  ['git', 'git version 2.38.0', 'ok'],
  ['git', 'git version 3.0.1', 'ok'],
  ['git', 'git version 2.39.3 (Apple Git-146)', 'ok'],
  ['git', 'nonsense', 'fail'],
  ['tmux', 'tmux 3.1c', 'fail'],
  ['tmux', 'tmux 3.2', 'ok'],
  ['tmux', 'tmux next-3.6', 'ok'],
])('%s that says %j: %s', async (name, said, state) => {
  const { of } = await onMachine({ ...GOOD, [name]: `echo '${said}'` })
  expect(of(name).state).toBe(state)
})

test('without tmux it is enough to be told when the runtime is process', async () => {
  const { of } = await onMachine({ git: IDENTITY }, { env: { ORCH_RUNTIME: 'process' } })
  expect(of('tmux').state).toBe('warn')
})

test('gh is asked for its token, never for GitHub; the token is not shown', async () => {
  const gh = (code: number) =>
    `[ "$1" = --version ] && { echo gh version 2.23.0; exit; }; [ "$1 $2" = "auth token" ] && echo secret; exit ${code}`
  const inside = await onMachine({ ...GOOD, gh: gh(0) })
  expect(inside.of('gh')).toMatchObject({ state: 'ok', found: expect.stringContaining('logged in') })
  expect(JSON.stringify(inside.findings)).not.toContain('secret')
  expect((await onMachine({ ...GOOD, gh: gh(1) })).of('gh')).toMatchObject({
    state: 'warn',
    fix: expect.stringContaining('gh auth login'),
  })
})

test('a sandbox that cannot work is no sandbox', async () => {
  const bwrap = '[ "$1" = --version ] && echo bubblewrap 0.8.0 || exit 1'
  expect((await onMachine({ ...GOOD, bwrap })).of('sandbox').state).toBe('warn')
  expect((await onMachine({ ...GOOD, bwrap: 'echo bubblewrap 0.8.0' })).of('sandbox').state).toBe('ok')
})

test('the Node that runs us', async () => {
  expect((await onMachine(GOOD, { nodeVersion: '20.20.2' })).of('node').state).toBe('fail')
})

test('MCP servers are asked when there are any, and only those that may be started', async () => {
  expect((await onMachine(GOOD)).findings.map(({ name }) => name)).not.toContainEqual(
    expect.stringMatching(/MCP/),
  )
  const place = temporaryDirectory('doctor-mcp')
  const config = join(place, 'config.yaml')
  const mcpServers = {
    good: { command: mcpFixture('lists-two-tools') },
    bad: { command: mcpFixture('exits-at-once') },
  }
  writeFileSync(config, JSON.stringify({ mcpServers }))
  const { of } = await onMachine(GOOD, { env: { ORCH_CONFIG: config } })
  expect(of('MCP server good')).toMatchObject({ state: 'ok', found: 'answers, tools: 2' })
  expect(of('MCP server bad')).toMatchObject({
    state: 'warn',
    found: expect.stringContaining('it ended with status 3'),
    fix: expect.stringContaining('orch mcp check bad'),
  })
})

test('a configuration that is broken', async () => {
  const { of } = await onMachine(GOOD, { env: { ORCH_TRIES: 'many' } })
  expect(of('configuration')).toMatchObject({ state: 'fail', found: expect.stringContaining('ORCH_TRIES') })
})

test.each([
  ['a relative path', () => 'here', 'must be an absolute path'],
  ['a path that is too long for a socket', () => `/tmp/${'x'.repeat(90)}`, 'at most 99'],
  ['a file', () => '/etc/hostname', 'is no directory'],
  [
    'a directory that is open to others',
    () => {
      const path = join(temporaryDirectory(), 'state')
      mkdirSync(path)
      chmodSync(path, 0o755)
      return path
    },
    'open to others',
  ],
])('%s as state directory', async (_, path, found) => {
  const { of } = await onMachine(GOOD, { env: { ORCH_STATE_DIR: path() } })
  expect(of('state directory')).toMatchObject({ state: 'fail', found: expect.stringContaining(found) })
})

test('the daemon: of our version, of another, one that hangs; and its store', async () => {
  const running = (version: string, faults: string[]) => async () => ({
    version,
    pid: 7,
    faults: async () => faults,
  })
  const good = await onMachine(GOOD, { daemon: running(packageVersion(), []) })
  expect([good.of('daemon').state, good.of('store').state]).toEqual(['ok', 'ok'])
  const bad = await onMachine(GOOD, { daemon: running('0.0.0', ['page 3 is damaged']) })
  expect([bad.of('daemon').state, bad.of('store').state]).toEqual(['warn', 'fail'])
  const hangs = async () => {
    throw new Error('did not answer')
  }
  expect((await onMachine(GOOD, { daemon: hangs })).of('daemon')).toMatchObject({
    state: 'fail',
    found: 'did not answer',
  })
})
