import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { profileHeader } from '../profile/profile.ts'
import type { TaskSpec } from '../task/task.ts'
import type { LaunchOrder } from './agent.ts'
import { createCommandDriver } from './command.ts'

let workspace: string
beforeEach(async () => {
  workspace = await mkdtemp(join(tmpdir(), 'orch-command-'))
  await writeFile(join(workspace, 'tool'), '#!/bin/sh\n')
  await chmod(join(workspace, 'tool'), 0o755)
  await writeFile(join(workspace, 'data'), '')
})
afterEach(() => rm(workspace, { recursive: true }))

const launch = (argv?: string[], more: Partial<LaunchOrder> = {}) => {
  const order: LaunchOrder = {
    task: { argv } as TaskSpec,
    prompt: '',
    workspace,
    directory: workspace,
    home: workspace,
    profile: { ...profileHeader.parse({ name: 'general' }), prompt: '' },
    mcp: [],
    env: {},
    ...more,
  }
  return createCommandDriver({ env: { PATH: '/usr/bin:/bin' } }).launch(order)
}

describe('launch', () => {
  it('finds a program on PATH or in the workspace, and changes no argument', async () => {
    expect((await launch(['sh', '-c', '$(id) #(touch x)\n'])).argv).toEqual([
      expect.stringMatching(/\/sh$/),
      '-c',
      '$(id) #(touch x)\n',
    ])
    expect((await launch(['./tool'])).argv).toEqual([join(workspace, 'tool')])
  })

  it('takes the word for a program of the workspace that set-up steps may bring', async () => {
    const setUpFirst = true
    expect((await launch(['./node_modules/.bin/lint', '--fix'], { setUpFirst })).argv).toEqual([
      './node_modules/.bin/lint',
      '--fix',
    ])
    await expect(launch(['no-such-program'], { setUpFirst })).rejects.toMatchObject({
      code: 'E_PROGRAM_MISSING',
    })
  })

  it.each([[['no-such-program']], [['./data']], [['./missing']], [['.']]])(
    'refuses %j before anything starts',
    async (argv) => {
      await expect(launch(argv)).rejects.toMatchObject({ code: 'E_PROGRAM_MISSING' })
    },
  )

  it('refuses an empty command', async () => {
    await expect(launch()).rejects.toMatchObject({ code: 'E_INVALID' })
  })
})

describe('outcome', () => {
  const judged = (lines: string[], status: number) => {
    const reader = createCommandDriver({ env: {} }).reader()
    for (const line of lines) reader.line(line)
    return reader.outcome({ phase: 'agent', status })
  }
  it('is open while the command runs', () => {
    expect(createCommandDriver({ env: {} }).reader().outcome()).toBeUndefined()
  })
  it('takes status 0 as its word, with its last line as summary', () => {
    expect(judged(['one', '\u001b[32mtwo\u001b[0m', ''], 0)).toEqual({ kind: 'reported', summary: 'two' })
    expect(judged([], 0)).toMatchObject({ kind: 'reported' })
  })
  it('fails any other status with the last words', () => {
    expect(judged(['oh no'], 3)).toMatchObject({
      kind: 'failed',
      reason: { message: 'the command ended with status 3:\noh no' },
    })
    expect(judged([], 139)).toMatchObject({ reason: { message: 'the command ended with signal 11' } })
  })
})
