import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fakeDaemon, orch, taskView } from '../../../test/support/cli.ts'
import { handlersFor } from '../../../test/support/daemon-handlers.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'
import { findProgram } from '../../agent/detect.ts'
import { exec } from '../../exec.ts'
import { SHELLS } from './scripts.ts'

const env = { PATH: process.env.PATH ?? '' }

async function complete(line: string, state?: string): Promise<string[]> {
  const { code, out, err } = await orch(['__complete', '--', ...line.split(' ')], state ? { state } : {})
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out
    .split('\n')
    .filter(Boolean)
    .map((it) => it.split('\t')[0] ?? '')
}

test.each([
  ['sta', ['status', 'start']],
  ['pr m', ['merge']],
  ['pr merge --m', ['--method']],
  ['pr merge --method s', ['squash']],
  ['run --run', ['--runtime']],
  ['run --runtime ', ['tmux', 'process']],
  ['usage --by d', ['driver', 'day']],
  ['completion ', ['bash', 'zsh', 'fish']],
  ['store ba', ['backup']],
  ['store backup ', []],
  ['run -f ', []],
  ['run x', []],
  ['nonsense ', []],
  ['status --js', ['--json']],
])('orch %s<tab>', async (line, found) => {
  expect(await complete(line)).toEqual(found)
})

test('tasks and agents come from the daemon; without one there are none', async () => {
  const status = await handlersFor().status({ query: {} })
  const tasks = [
    taskView({ agent: 'general-aaaa-1', title: 'a\ttab and \u001b[2J' }),
    taskView({ id: 't-bbbb' }),
  ]
  const { state } = await fakeDaemon({ status: async () => ({ ...status, tasks }) })
  expect(await complete('show t-', state)).toEqual(['t-aaaa00000001', 't-bbbb'])
  expect(await complete('attach g', state)).toEqual(['general-aaaa-1'])
  expect(await complete('cancel t-bbbb t-a', state)).toEqual(['t-aaaa00000001'])
  expect(await complete('show t-aaaa00000001 ', state)).toEqual([])
  expect(await complete('usage --task t-b', state)).toEqual(['t-bbbb'])
  expect(await complete('show t-')).toEqual([])
})

test('profiles come from the daemon; one that is hidden stands there once', async () => {
  const profile = {
    name: 'reviewer',
    description: 'Reads\ta change.',
    capabilities: [],
    fallback: [],
    tier: 'strong' as const,
    permissions: 'edits' as const,
    tools: [],
    mcp: [],
    limits: {},
    origin: 'user' as const,
    file: '/x',
    warnings: [],
  }
  const profiles = [profile, { ...profile, hiddenBy: 'user' as const }, { ...profile, name: 'worker' }]
  const answer = { profiles, faults: [], directories: { user: '/x' } }
  const { state } = await fakeDaemon({ profiles: async () => answer })
  expect(await complete('run --profile ', state)).toEqual(['reviewer', 'worker'])
  expect(await complete('profiles show w', state)).toEqual(['worker'])
  expect(await complete('profiles new --from r', state)).toEqual(['reviewer'])
  expect(await complete('profiles new ', state)).toEqual([])
  expect(await complete('run --profile ')).toEqual([])
})

test.each(SHELLS)('the script for %s is one that the shell accepts', async (shell) => {
  const { code, out } = await orch(['completion', shell])
  expect(code).toBe(0)
  expect(out).toContain('orch __complete -- ')
  const program = await findProgram(shell, env)
  if (!program) return // this machine has no such shell
  const file = join(temporaryDirectory(), 'script')
  writeFileSync(file, out)
  expect(await exec([program, '-n', file], { env })).toMatchObject({ code: 0, stderr: '' })
})

test('bash completes with it', async () => {
  const directory = temporaryDirectory()
  writeFileSync(
    join(directory, 'orch'),
    '#!/bin/sh\nshift 2\nprintf "%s|" "$@" >&3\nprintf "one two\\tabout\\nthree\\t\\n"\n',
    {
      mode: 0o755,
    },
  )
  const { out: script } = await orch(['completion', 'bash'])
  const line =
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
    'COMP_WORDS=(orch show "a b" t-); COMP_CWORD=3; exec 3>&1; _orch; for it in "${COMPREPLY[@]}"; do printf "<%s>" "$it"; done'
  const result = await exec(['bash', '-c', `${script}\n${line}`], {
    env: { PATH: `${directory}:${env.PATH}` },
  })
  expect(result).toMatchObject({ code: 0, stdout: 'show|a b|t-|<one two><three>' })
})
