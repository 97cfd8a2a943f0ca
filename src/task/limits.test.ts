import { expect, test } from 'vitest'
import { attemptExcess, memoryAllowed, runExcess, type Taken } from './limits.ts'
import { NO_USAGE, type RunLimits, type TaskLimits, type Usage } from './task.ts'

const PROGRAM = { name: 'opencode', footprintMegabytes: 610 }
const BOUNDLESS = { wallMs: 60_000, outputBytes: 1 }
const taken = (more: Partial<Taken>, usage: Partial<Usage> = {}): Taken => ({
  workedMs: 0,
  silentMs: 0,
  usage: { ...NO_USAGE, ...usage },
  ...more,
})
const over = (limits: Partial<TaskLimits>, what: Taken) =>
  attemptExcess({ ...BOUNDLESS, ...limits }, what, PROGRAM)

test.each<[string, Partial<TaskLimits>, Taken, RegExp, boolean]>([
  ['time-limit', {}, taken({ workedMs: 60_001 }), /after 1 minute .*--time-limit/, false],
  ['idle-limit', { idleMs: 90_000 }, taken({ silentMs: 90_001 }), /for 1\.5 minutes.*idleMinutes/, false],
  ['turn-limit', { turns: 3 }, taken({}, { turns: 4 }), /made 4 turns; it may make 3 .*--max-turns/, true],
  [
    'token-limit',
    { tokens: 10_000 },
    taken({}, { inputTokens: 9_000, outputTokens: 1_001 }),
    /used 10,001 tokens; it may use 10,000 /,
    true,
  ],
  [
    'cost-limit',
    { costUsd: 0.5 },
    taken({}, { costUsd: 0.5001 }),
    /cost \$0\.5001; it may cost \$0\.5000/,
    true,
  ],
  [
    'memory-limit',
    { memoryBytes: 512e6 },
    taken({ memoryBytes: 1_123e6 }),
    /took 1,123 MB of memory; they may take 1,122 MB, 610 of them for opencode itself .*--memory/,
    false,
  ],
])('%s', (code, limits, what, message, final) => {
  expect(over(limits, what)).toEqual({ code, message: expect.stringMatching(message), final })
})

test('at the limit is not over it, and cached input does not count', () => {
  const usage = {
    inputTokens: 5,
    outputTokens: 5,
    cacheReadTokens: 1e9,
    cacheWriteTokens: 1e9,
    turns: 1,
    costUsd: 1,
  }
  const at = { workedMs: 60_000, silentMs: 1_000, memoryBytes: 1_122e6 }
  const limits = { idleMs: 1_000, turns: 1, tokens: 10, costUsd: 1, memoryBytes: 512e6 }
  expect(over(limits, taken(at, usage))).toBeUndefined()
})

test('what has no limit, or was not measured, is not over', () => {
  const much = taken({ silentMs: 1e12, memoryBytes: 1e15 }, { turns: 1e6, inputTokens: 1e9, costUsd: 1e6 })
  expect(over({}, much)).toBeUndefined()
  expect(over({ memoryBytes: 1, costUsd: 1 }, taken({}))).toBeUndefined()
})

test('what no further try can help comes first', () => {
  const all = taken({ workedMs: 1e9, memoryBytes: 1e12 }, { costUsd: 2 })
  expect(over({ costUsd: 1, memoryBytes: 1 }, all)).toMatchObject({ code: 'cost-limit', final: true })
})

test('memory is what the task may have on top of what its program takes for itself', () => {
  expect(memoryAllowed({ ...BOUNDLESS, memoryBytes: 512e6 }, 256)).toBe(768e6)
  expect(memoryAllowed(BOUNDLESS, 256)).toBeUndefined()
})

test.each<[RunLimits, RegExp]>([
  [{ costUsd: 5 }, /cost \$5\.25; it may cost \$5\.00 .*runCostUsd, --max-cost/],
  [{ tokens: 1_000 }, /used 1,200 tokens; it may use 1,000 .*runTokens, --max-tokens/],
  [{ wallMs: 3_600_000 }, /after 60 minutes .*runMinutes/],
])('a run: %o', (limits, message) => {
  const usage = { ...NO_USAGE, costUsd: 5.25, inputTokens: 1_000, outputTokens: 200 }
  const sum = { wallMs: 3_600_001, usage }
  expect(runExcess(limits, sum)).toEqual({
    code: 'run-limit',
    message: expect.stringMatching(message),
    final: true,
  })
  expect(runExcess(limits, { wallMs: 1, usage: NO_USAGE })).toBeUndefined()
  expect(runExcess({}, sum)).toBeUndefined()
})
