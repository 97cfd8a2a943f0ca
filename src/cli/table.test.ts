import { stripVTControlCharacters } from 'node:util'
import { expect, test } from 'vitest'
import { createPaint } from './style.ts'
import { facts, table } from './table.ts'
import { cells } from './width.ts'

const plain = createPaint(false)
const columns = [{ title: 'ID' }, { title: 'N', right: true }, { title: 'TITLE', flexible: true }]
const rows = [
  ['a', '1', 'short'],
  ['bbb', '22', 'a title that is much longer than the terminal'],
]

test('columns stand below each other', () => {
  expect(table(columns, rows, { width: Infinity, paint: plain })).toBe(
    'ID    N  TITLE\na     1  short\nbbb  22  a title that is much longer than the terminal\n',
  )
})

test.each([80, 40, 20, 12, 5, 1])('no line is wider than a terminal of %i cells', (width) => {
  const wide = [['日本語日本語', '👍', '日本語 '.repeat(20)], ...rows]
  for (const line of table(columns, wide, { width, paint: plain }).split('\n'))
    expect(cells(line)).toBeLessThanOrEqual(width)
})

test('the flexible column gives way first', () => {
  expect(table(columns, rows, { width: 20, paint: plain })).toContain('bbb  22  a title th…')
})

test('colours change nothing of the layout', () => {
  const painted = [['a', '1', { text: 'red', colour: 'red' as const }]]
  const coloured = table(columns, painted, { width: 40, paint: createPaint(true) })
  expect(coloured).toContain('\u001b[31mred\u001b[39m')
  expect(stripVTControlCharacters(coloured)).toBe(table(columns, painted, { width: 40, paint: plain }))
})

test('facts without a value are left out, and long ones are indented', () => {
  expect(
    facts(
      [
        ['a', 'one\ntwo'],
        ['bcd', undefined],
        ['ef', 'x'],
      ],
      plain,
    ),
  ).toBe('a   one\n    two\nef  x\n')
})
