import { expect, test } from 'vitest'
import { projectSettings } from '../../config/schema.ts'
import { limitsOf, runLimitsOf } from './limits-of.ts'

const settings = (given: object = {}) => projectSettings.parse(given)

test('what nobody says comes from the settings, which bound time, silence and memory', () => {
  expect(limitsOf({}, { limits: {} }, settings())).toEqual({
    wallMs: 120 * 60_000,
    outputBytes: 128e6,
    idleMs: 30 * 60_000,
    memoryBytes: 512e6,
  })
})

test('the task’s word over its profile, its profile over the settings, each limit by itself', () => {
  const order = { limits: { turns: 3, costUsd: undefined } as { turns: number }, wallMinutes: 5 }
  const profile = { limits: { turns: 30, costUsd: 2, wallMinutes: 50, cpuPercent: 150 } }
  const limits = limitsOf(
    order,
    profile,
    settings({ turns: 300, costUsd: 20, tokens: 7, memoryMegabytes: 64 }),
  )
  expect(limits).toEqual({
    wallMs: 300_000,
    outputBytes: 128e6,
    idleMs: 1_800_000,
    memoryBytes: 64e6,
    turns: 3,
    costUsd: 2,
    tokens: 7,
    cpuPercent: 150,
  })
  expect(limitsOf({ limits: { wallMinutes: 1 } }, profile, settings()).wallMs).toBe(60_000)
})

test('a run is bound by what was asked for over the settings, or by nothing', () => {
  expect(runLimitsOf(settings())).toBeUndefined()
  expect(runLimitsOf(settings({ runMinutes: 60, runTokens: 9 }), { tokens: 5, costUsd: 1 })).toEqual({
    wallMs: 3_600_000,
    tokens: 5,
    costUsd: 1,
  })
})
