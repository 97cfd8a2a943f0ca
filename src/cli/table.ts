import type { Colour, Paint } from './style.ts'
import { cells, cut } from './width.ts'

/** Columns of text that fit the terminal. */

export interface Column {
  title: string
  /** Gives way when the terminal is narrow. */
  flexible?: boolean
  right?: boolean
}
export type Cell = string | { text: string; colour?: Colour | undefined }

export interface TableOptions {
  /** Cells in a line; Infinity when this is no terminal. */
  width: number
  paint: Paint
}

const GAP = '  '
const LEAST = 8

/** Lines of a table, each with a line end. Cells must be one line of plain text. */
export function table(columns: Column[], rows: Cell[][], { width, paint }: TableOptions): string {
  const titles = columns.map((column): Cell => ({ text: column.title, colour: 'dim' }))
  const widths = shrink(columns, [titles, ...rows], width)
  return [titles, ...rows].map((row) => `${line(columns, row, widths, width, paint)}\n`).join('')
}

/** `name  value` pairs below each other; pairs without a value are left out. */
export function facts(pairs: [name: string, value: string | undefined][], paint: Paint): string {
  const given = pairs.filter((pair): pair is [string, string] => Boolean(pair[1]))
  const width = Math.max(0, ...given.map(([name]) => cells(name)))
  const indent = ' '.repeat(width + GAP.length)
  return given
    .map(
      ([name, value]) => `${paint('dim', pad(name, width))}${GAP}${value.replaceAll('\n', `\n${indent}`)}\n`,
    )
    .join('')
}

const textOf = (cell: Cell | undefined) => (typeof cell === 'object' ? cell.text : (cell ?? ''))

function shrink(columns: Column[], rows: Cell[][], width: number): number[] {
  const widths = columns.map((_, index) => Math.max(...rows.map((row) => cells(textOf(row[index])))))
  let over = widths.reduce((sum, it) => sum + it, 0) + GAP.length * (columns.length - 1) - width
  for (const [index, column] of columns.entries()) {
    const now = widths[index] ?? 0
    if (!column.flexible || over <= 0 || now <= LEAST) continue
    widths[index] = Math.max(LEAST, now - over)
    over -= now - widths[index]
  }
  return widths
}

function line(columns: Column[], row: Cell[], widths: number[], width: number, paint: Paint): string {
  let room = width
  const parts: string[] = []
  for (const [index, column] of columns.entries()) {
    const cell = row[index]
    const size = Math.min(widths[index] ?? 0, Math.max(0, room))
    room -= size + GAP.length
    if (size === 0 && width !== Infinity) continue
    const text = cut(textOf(cell), size)
    const last = index === columns.length - 1
    const painted = paint(typeof cell === 'object' ? cell.colour : undefined, text)
    const fill = ' '.repeat(Math.max(0, size - cells(text)))
    parts.push(column.right ? fill + painted : last ? painted : painted + fill)
  }
  return parts.join(GAP).trimEnd()
}

const pad = (text: string, width: number) => text + ' '.repeat(Math.max(0, width - cells(text)))
