import { expect, test } from 'vitest'
import { taskView, worldOf } from '../../../test/support/cli.ts'
import { createPaint } from '../style.ts'
import { cells } from '../width.ts'
import { blockLines } from './block.ts'

const on = (columns: number, rows: number) => ({
  world: worldOf({ columns, rows }, { out: '', err: '' }),
  paint: createPaint(false),
})
const many = Array.from({ length: 50 }, (_, n) =>
  taskView({
    id: `t-${n}`,
    state: n < 20 ? 'accepted' : n < 45 ? 'queued' : 'working',
    title: '日本語 '.repeat(30),
  }),
)

test.each([
  [200, 60],
  [80, 24],
  [30, 5],
  [10, 2],
])('the block fits into %i x %i', (columns, rows) => {
  const lines = blockLines(on(columns, rows), many, new Map(), '*')
  expect(lines.length).toBeLessThan(rows)
  for (const line of lines.slice(0, -1)) expect(cells(line)).toBeLessThan(columns)
})

test('who works comes first when there is not room for all', () => {
  const lines = blockLines(on(80, 8), many, new Map([['t-45', 'Bash npm test']]), '*')
  expect(lines[0]).toMatch(/^\* t-45 working/)
  expect(lines.at(-1)).toBe('… and 45 more; 20 of 50 have ended')
})

test('a task that ended says why', () => {
  const reason = { code: 'x', message: 'no commit' }
  const [line] = blockLines(on(100, 24), [taskView({ state: 'dead', reason })], new Map(), '*')
  expect(line).toMatch(/^✗ t-aaaa00000001 dead .* Fix the tests — no commit$/)
})
