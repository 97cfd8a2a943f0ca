import { expect, test } from 'vitest'
import { fakeDaemon, orch } from '../../../test/support/cli.ts'
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
