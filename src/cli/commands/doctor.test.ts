import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
import { handlersFor } from '../../../test/support/daemon-handlers.ts'
import { temporaryDirectory } from '../../../test/support/temporary.ts'

test('doctor asks the daemon that runs, and lists what it found', async () => {
  const { state } = await fakeDaemon({ checkStore: async () => ({ faults: ['page 3\u001b[2J'] }) })
  const { code, out, err } = await orch(['doctor'], { state })
  expect({ code, err }).toEqual({ code: 4, err: '' })
  expect(out).toMatch(/^✓ node /m)
  expect(out).toMatch(/^✗ store +page 3$/m)
  expect(out).not.toContain('\u001b')
  const json = JSON.parse((await orch(['doctor', '--json'], { state })).out)
  expect(json).toMatchObject({ schemaVersion: 1, kind: 'doctor', healthy: false })
})

test('without a daemon none is started', async () => {
  const state = temporaryDirectory()
  const { out } = await orch(['doctor'], { state })
  expect(out).toMatch(/daemon +not running/)
  expect(await orch(['status'], { state })).toMatchObject({ code: 5 })
})

test('doctor says when the daemon works with another store than it should', async () => {
  const plain = await handlersFor().status({ query: {} })
  const store = { kind: 'embedded' as const, fallback: 'Redis cannot be reached: ECONNREFUSED' }
  const { state } = await fakeDaemon({ status: async () => ({ ...plain, store }) })
  expect((await orch(['doctor'], { state })).out).toMatch(/^! store +Redis cannot be reached: ECONNREFUSED$/m)
})

test('config show keeps passwords to itself, and so do errors', async () => {
  const state = temporaryDirectory()
  for (const url of ['redis://:hush@localhost:1', 'redis://ann:hush@localhost:1'])
    for (const argv of [
      ['config', 'show', '--origin'],
      ['config', 'show', '--json'],
    ]) {
      const { code, out, err } = await orch(argv, { state, env: { ORCH_REDIS: url } })
      expect([code, out + err]).toEqual([0, expect.stringContaining('***@localhost:1')])
      expect(out + err).not.toContain('hush')
    }
  const wrong = await orch(['config', 'show'], { state, env: { ORCH_REDIS: 'redis://:hu/sh@localhost' } })
  expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('ORCH_REDIS') })
  expect(wrong.err).not.toContain('sh@')
  writeFileSync(`${state}/config.yaml`, 'redis: "redis://:hu/sh@localhost"\n')
  const file = await orch(['config', 'show'], { state })
  expect(file).toMatchObject({ code: 2, err: expect.stringContaining('redis') })
  expect(file.err).not.toContain('sh@')
})
