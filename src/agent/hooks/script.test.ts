import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { type Argv, exec } from '../../exec.ts'
import { offer } from '../../runtime/offers.ts'
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
    call: (hook: string, input: string, changed = env) =>
      exec(['/bin/sh', '-c', line(hook)], { env: changed, input }),
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
    expect(readdirSync(directory).sort()).toEqual(['chain', 'claude-hook.sh', 'out.jsonl'])
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

const stop = (data: object = {}) =>
  JSON.stringify({ session_id: '11-22', stop_hook_active: false, last_assistant_message: 'x', ...data })
const HOSTILE = [
  'plain',
  '"quotes" \\ and \\n and %s %d $HOME `id` $(id) \'; rm -rf "$new"',
  'lines\r\nwith\ttabs\n\n\0\x1b[31m\x7f\u2028 end',
  '","decision":"approve","x":"',
  'ü 漢字 👩‍👩‍👧 \ud800 lone',
  `${'long '.repeat(20_000)}end`,
]

describe.each(SHELLS.map((shell) => ({ name: shell.join(' '), shell })))('$name at the end', ({ shell }) => {
  const test = it.runIf(existsSync(shell[0]))

  test('hands over what is on offer, whatever the words are, and names it in its line', async () => {
    const { call, lines, directory } = await attempt(shell)
    const words = HOSTILE.map((text, index) => ({ id: `id_${index}-x`, text }))
    await offer(directory, { session: '11-22', words })
    const { code, stdout, stderr } = await call('Stop', stop())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({
      decision: 'block',
      reason: HOSTILE.map((text) => `${text}\n\n`).join(''),
    })
    expect(JSON.parse(lines()[0] ?? '')).toMatchObject({ hook: 'Stop', took: words.map(({ id }) => id) })
    expect(await call('Stop', stop())).toMatchObject({ code: 0, stdout: '' })
    expect(JSON.parse(lines()[1] ?? '')).not.toHaveProperty('took')
    expect([...(await offer(directory, { session: '', words: [] })).keys()].sort()).toEqual(
      words.map(({ id }) => id),
    )
  })

  test('hands over nothing at other moments, to other sessions, or where nobody is named', async () => {
    const { call, lines, directory } = await attempt(shell)
    await offer(directory, { session: '11-22', words: [{ id: 'a', text: 'a' }] })
    const others = [
      ['PreToolUse', stop()],
      ['Stop', stop({ session_id: '11-2' })],
      ['Stop', stop({ session_id: '.*' })],
      ['Stop', stop({ session_id: '11-2?' })],
      ['Stop', stop({ session_id: 'x', last_assistant_message: '"session_id":"11-22"' })],
      ['Stop', '{}'],
      ['Stop', 'no JSON'],
      ['Stop', ''],
    ] as const
    for (const [name, data] of others)
      expect(await call(name, data)).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(lines()).toHaveLength(others.length)
    rmSync(join(directory, 'session'))
    expect(await call('Stop', stop())).toMatchObject({ code: 0, stdout: '' })
    await offer(directory, { session: '11-22', words: [{ id: 'a', text: 'a' }] })
    expect(JSON.parse((await call('AfterAgent', stop())).stdout)).toEqual({
      decision: 'block',
      reason: 'a\n\n',
    })
  })

  test('lets a turn go that hooks have kept going for long; a new one is counted anew', async () => {
    const { call, directory } = await attempt(shell)
    const taken: boolean[] = []
    for (let index = 0; index < 8; index++) {
      await offer(directory, { session: '11-22', words: [{ id: `w${index}`, text: 'x' }] })
      const { stdout } = await call('Stop', stop({ stop_hook_active: index > 0 }))
      taken.push(stdout !== '')
    }
    expect(taken).toEqual([true, true, true, true, true, true, false, false])
    expect(JSON.parse((await call('Stop', stop())).stdout)).toMatchObject({ decision: 'block' })
    writeFileSync(join(directory, 'chain'), 'garbage\n')
    await offer(directory, { session: '11-22', words: [{ id: 'z', text: 'x' }] })
    expect(await call('Stop', stop({ stop_hook_active: true }))).toMatchObject({ code: 0, stdout: '' })
  })

  test('puts back what it cannot tell of, and never fails', async () => {
    const { call, directory } = await attempt(shell)
    const broken = temporaryDirectory('orch-broken')
    writeFileSync(join(broken, 'dd'), '#!/bin/sh\nexit 1\n', { mode: 0o755 })
    await offer(directory, { session: '11-22', words: [{ id: 'a', text: 'a' }] })
    const PATH = `${broken}:${env.PATH}`
    expect(await call('Stop', stop(), { PATH })).toMatchObject({ code: 0, stdout: '', stderr: '' })
    expect(JSON.parse((await call('Stop', stop())).stdout)).toEqual({ decision: 'block', reason: 'a\n\n' })
    mkdirSync(join(directory, 'offer.000009.dir'))
    expect(await call('Stop', stop())).toMatchObject({ code: 0, stdout: '', stderr: '' })
  })
})

it('each word is handed over once, by many hooks at once and while it is taken back', async () => {
  const { call, directory } = await attempt(['/bin/sh'])
  const words = Array.from({ length: 12 }, (_, index) => ({ id: `w${index}`, text: `<${index}>` }))
  await offer(directory, { session: '11-22', words })
  const hooks = Array.from({ length: 6 }, () => call('Stop', stop()))
  const taken = new Set<string>()
  const back = offer(directory, { session: '', words: [] })
  const reasons = (await Promise.all(hooks)).flatMap(({ stdout }) =>
    stdout ? JSON.parse(stdout).reason : [],
  )
  await back
  for (const id of (await offer(directory, { session: '', words: [] })).keys()) taken.add(id)
  const given = reasons.join('').match(/<\d+>/g) ?? []
  expect(new Set(given).size).toBe(given.length)
  expect(given.map((text) => `w${text.slice(1, -1)}`).sort()).toEqual([...taken].sort())
})

it('hands twenty words over nearly as quickly as none', async () => {
  const { call, directory } = await attempt(['/bin/sh'])
  const timed = async () => {
    const begin = performance.now()
    const { stdout } = await call('Stop', stop())
    return { took: stdout !== '', ms: performance.now() - begin }
  }
  const rounds: { took: boolean; ms: number }[] = []
  for (let round = 0; round < 8; round++) {
    const words = Array.from({ length: 20 }, (_, index) => ({
      id: `r${round}-${index}`,
      text: 'x'.repeat(400),
    }))
    await offer(directory, { session: '11-22', words })
    rounds.push(await timed(), await timed())
  }
  const best = (took: boolean) => Math.min(...rounds.filter((it) => it.took === took).map(({ ms }) => ms))
  expect(best(true)).toBeLessThan(3 * best(false)) // 25 and 20 ms where nothing else runs
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
