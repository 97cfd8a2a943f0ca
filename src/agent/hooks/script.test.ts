import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { type Argv, exec } from '../../exec.ts'
import { hookScript } from './script.ts'

/** The hook script in each shell that may be `sh`, as programs call it: a command line for a shell. */

const SHELLS: Argv[] = [['/usr/bin/dash'], ['/bin/bash', '--posix'], ['/bin/bash'], ['/bin/busybox', 'sh']]
const env = { PATH: process.env.PATH ?? '' }

async function attempt(shell: Argv, name = "it's an attempt") {
  const directory = join(temporaryDirectory('orch-hooks'), name)
  mkdirSync(directory)
  writeFileSync(join(directory, 'out.jsonl'), '')
  const { files, command } = await hookScript('claude', directory)
  for (const [file, text] of Object.entries(files)) writeFileSync(join(directory, file), text)
  const line = (hook: string) => command(hook).replace(/^sh /, `${shell.join(' ')} `)
  return {
    directory,
    call: (hook: string, input: string) => exec(['/bin/sh', '-c', line(hook)], { env, input }),
    lines: () => readFileSync(join(directory, 'out.jsonl'), 'utf8').split('\n').slice(0, -1),
  }
}

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('$name', ({ shell }) => {
  const test = it.runIf(existsSync(shell[0]))

  test('appends what the program tells as one line, says nothing and leaves nothing', async () => {
    const { call, lines, directory } = await attempt(shell)
    const before = Date.now()
    const data = { session_id: 'a', text: 'lines\nand "quotes" %s \\n and ü', nested: { list: [1, null] } }
    const result = await call('Stop', JSON.stringify(data, null, 2))
    expect(result).toMatchObject({ code: 0, stdout: '', stderr: '' })
    const [line = '', ...others] = lines()
    expect(others).toEqual([])
    const said = JSON.parse(line)
    expect(said).toEqual({ hook: 'Stop', at: expect.any(Number), data })
    expect(said.at).toBeGreaterThanOrEqual(before - 1_000)
    expect(said.at).toBeLessThanOrEqual(Date.now() + 1_000)
    expect(readdirSync(directory).sort()).toEqual(['claude-hook.sh', 'out.jsonl'])
  })

  test('of what is too big it keeps whose it is', async () => {
    const { call, lines } = await attempt(shell)
    const output = 'x"session_id":"wrong","tool_use_id":"wrong"\n'.repeat(60_000)
    const data = {
      ...{ session_id: '11-22', tool_name: 'mcp__a.b__c', tool_input: { command: 'make' } },
      ...{ tool_response: { stdout: output }, tool_use_id: 'toolu_1', duration_ms: 7 },
    }
    expect(await call('PostToolUse', JSON.stringify(data))).toMatchObject({ code: 0 })
    expect(lines()).toHaveLength(1)
    expect(lines()[0]?.length).toBeLessThan(65_536)
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({
      hook: 'PostToolUse',
      data: { session_id: '11-22', tool_name: 'mcp__a.b__c', tool_use_id: 'toolu_1' },
      bytes: JSON.stringify(data).length,
    })
  })

  test('is told nothing, and has nowhere to write', async () => {
    const { call, lines, directory } = await attempt(shell)
    expect(await call('SessionEnd', '')).toMatchObject({ code: 0, stdout: '' })
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ hook: 'SessionEnd', data: {} })
    const gone = join(directory, 'out.jsonl')
    await exec(['rm', gone], { env })
    expect(await call('Stop', '{}')).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(existsSync(gone)).toBe(false)
  })
})

it('hooks at the same moment do not mix', async () => {
  const { call, lines } = await attempt(['/bin/sh'])
  const text = 'ü'.repeat(25_000)
  await Promise.all(
    Array.from({ length: 24 }, (_, id) => call('PreToolUse', JSON.stringify({ tool_use_id: `${id}`, text }))),
  )
  const ids = lines().map((line) => Number(JSON.parse(line).data.tool_use_id))
  expect(ids.sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, id) => id))
})
