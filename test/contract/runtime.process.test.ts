import { describe, expect, test } from 'vitest'
import { spawnDetached } from '../../src/exec.ts'
import { createProcessRuntime } from '../../src/runtime/process/process.ts'
import { type MakeRuntime, prepare, runtimeContract, siteForAll } from './runtime.ts'
import { turnsContract } from './runtime-turns.ts'

const env = { PATH: process.env.PATH ?? '' }
const make: MakeRuntime = (root, directories) =>
  createProcessRuntime({ root, directories, spawnDetached, env })

describe('process', () => {
  describe('as a runtime', () => runtimeContract(make))
  describe('further', () => turnsContract(make))
  describe('without a terminal', () => {
    const site = siteForAll(make)
    test('who wants one is not started, and nobody watches', async () => {
      const agent = await prepare(site(), ['true'], { stdin: 'terminal' })
      const refused = expect.objectContaining({ code: 'E_INVALID', fix: expect.stringContaining('tmux') })
      await expect(site().runtime.start(agent)).rejects.toEqual(refused)
      expect(await site().directories.status(agent)).toMatchObject({ state: 'ready' })
      expect(await site().runtime.watchers(agent)).toBe(0)
      site().runtime.onWatchers(() => {})()
    })
  })
})
