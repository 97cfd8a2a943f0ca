import { expect, test } from 'vitest'
import { orch, worldOf } from '../../test/support/cli.ts'
import { SCHEMA_VERSION } from '../api/contract.ts'
import { packageVersion } from '../api/version.ts'
import { createCli } from './cli.ts'
import { COMMANDS } from './commands.ts'
import { schemaVersion } from './document.ts'
import { buildProgram } from './program.ts'

const visible = COMMANDS.filter(({ hidden }) => !hidden)

test('help names every command', async () => {
  const { code, out, err } = await orch(['--help'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const { name, summary } of visible) {
    expect(out).toContain(`  ${name}`)
    expect(out.replace(/\s+/g, ' ')).toContain(summary)
  }
  expect(out).not.toContain('__complete')
  expect(await orch([])).toEqual({ code: 0, out, err: '' })
})

test('every command, and every command below it, has help with examples and --json', async () => {
  const cli = createCli(worldOf({}, { out: '', err: '' }), {
    json: false,
    program: [],
    tree: () => buildProgram(cli),
  })
  const root = await buildProgram(cli)
  const paths = root.commands.flatMap((it) => [
    [it.name()],
    ...it.commands.map((inner) => [it.name(), inner.name()]),
  ])
  expect(paths.length).toBeGreaterThan(visible.length)
  const groups = new Set(root.commands.filter((it) => it.commands.length > 0).map((it) => it.name()))
  for (const path of paths.filter(([name]) => name !== '__complete')) {
    const { code, out, err } = await orch([...path, '--help'])
    expect({ path, code, err }).toEqual({ path, code: 0, err: '' })
    expect(out, path.join(' ')).toContain('Examples:\n  ')
    if (path.length > 1 || !groups.has(path[0] ?? '')) expect(out).toContain('--json')
  }
})

test('the help of run', async () => {
  expect((await orch(['run', '--help'])).out).toMatchSnapshot()
})

test('no line of help is wider than the terminal', async () => {
  const { out } = await orch(['--help'], { stdoutTty: true, columns: 60 })
  const text = out.slice(0, out.indexOf('Examples:'))
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(60)
})

test('the version', async () => {
  expect(await orch(['--version'])).toEqual({ code: 0, out: `${packageVersion()}\n`, err: '' })
  const { out } = await orch(['version', '--json'])
  expect(JSON.parse(out)).toEqual({
    schemaVersion: 1,
    kind: 'version',
    version: packageVersion(),
    node: process.versions.node,
  })
})

test.each([
  ['stauts', "unknown command 'stauts'; did you mean status?", 'orch --help'],
  ['pr lst', "unknown command 'lst'; did you mean list?", 'orch pr --help'],
  ['pr', 'orch pr needs one of its commands', 'orch pr --help'],
  ['run --agnt x', "unknown option '--agnt'; did you mean --agent?", 'orch run --help'],
  ['show', "missing required argument 'task'", 'orch show --help'],
  ['show a b', 'too many arguments', 'orch show --help'],
  ['pr list --state all', 'Allowed choices are open, merged, closed', 'orch pr --help'],
  ['pr show x', 'needs a whole number', 'orch'],
  ['pr show 0', 'of at least 1', 'orch'],
  ['run --tries 1.5 x', 'needs a whole number', 'orch'],
  ['run --max-cost free x', 'above 0', 'orch'],
  ['run --memory 10 x', 'at least 64', 'orch'],
  ['run --time-limit 0 x', 'above 0', 'orch'],
  ['logs --attempt 1', '--attempt needs a task', 'orch'],
  ['pr review 1', 'needs one of --approve', 'orch'],
  ['pr review 1 --approve --comment', 'needs one of --approve', 'orch'],
  ['pr review 1 --comment', 'needs -m TEXT', 'orch'],
  ['start --install --foreground', 'exclude each other', 'orch'],
  ['completion tcsh', 'Allowed choices are bash, zsh, fish', 'orch'],
])('orch %s is a usage error with a way out', async (line, message, fix) => {
  const { code, out, err } = await orch(line.split(' '))
  expect({ code, out }).toEqual({ code: 2, out: '' })
  const [first, second, third] = err.split('\n')
  expect(first).toMatch(/^error: /)
  expect(first).toContain(message)
  expect(second).toBe('code: E_USAGE')
  expect(third).toMatch(/^what to do: /)
  expect(third).toContain(fix)
})

test('with --json an error is one document on standard error', async () => {
  const { code, out, err } = await orch(['pr', 'list', '--state', 'all', '--json'])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(JSON.parse(err)).toMatchObject({
    schemaVersion: SCHEMA_VERSION,
    kind: 'error',
    error: { code: 'E_USAGE' },
  })
})

test('what documents carry is the version of the contract', () => {
  expect(schemaVersion).toBe(SCHEMA_VERSION)
})

test('a state directory that is not absolute', async () => {
  const { code, err } = await orch(['status'], { env: { ORCH_STATE_DIR: 'here' } })
  expect(code).toBe(4)
  expect(err).toContain('code: E_STATE_DIR')
})
