import type { OrchError } from '../errors.ts'
import { oneLine } from '../text.ts'
import { nearest } from './nearest.ts'

/** Whom a task of a file comes after: other tasks of it, by title or by number (1 = the first), or tasks by their id. */

export interface Positions {
  /** 0 = the first; several when a title stands there more than once. */
  byTitle: ReadonlyMap<string, number[]>
  count: number
}

const LONGEST = 200
const TASK_ID = /^t-[0-9a-z]{12}$/

export function positionsOf(list: readonly unknown[]): Positions {
  const byTitle = new Map<string, number[]>()
  for (const [index, entry] of list.entries()) {
    const title = titleOf(entry)
    if (title !== undefined) byTitle.set(title, [...(byTitle.get(title) ?? []), index])
  }
  return { byTitle, count: list.length }
}

/** A task without a title is named by its text, when that is no longer than a title. */
function titleOf(entry: unknown): string | undefined {
  if (typeof entry === 'string') return entry.length <= LONGEST ? entry : undefined
  if (typeof entry !== 'object' || entry === null) return undefined
  const { title, task, description } = entry as Record<string, unknown>
  return [title, task, description].find((it) => typeof it === 'string' && it.length <= LONGEST) as
    | string
    | undefined
}

/** The entry with `after` as the API takes it. @throws what `fault` makes of a name that no task has, or several */
export function withPositions(
  entry: unknown,
  positions: Positions,
  fault: (path: PropertyKey[], message: string) => OrchError,
): unknown {
  if (typeof entry !== 'object' || entry === null || !('after' in entry)) return entry
  const list = Array.isArray(entry.after)
  const names: unknown[] = list ? (entry.after as unknown[]) : [entry.after]
  const after = names.map((given, n) => {
    const found = positionOf(given, positions)
    if (typeof found === 'string') throw fault(list ? ['after', n] : ['after'], found)
    return found.after
  })
  return { ...entry, after }
}

/** What is wrong with the name, or whom it means. */
function positionOf(name: unknown, { byTitle, count }: Positions): string | { after: number | string } {
  if (typeof name === 'number') {
    if (Number.isInteger(name) && name >= 1 && name <= count) return { after: name - 1 }
    return `after: there is no task ${name}; they are counted from 1 to ${count}`
  }
  if (typeof name !== 'string') return 'after: a title or a number of a task is expected'
  const [first, second] = byTitle.get(name) ?? []
  if (second !== undefined) return `after: several tasks are called ${JSON.stringify(name)}; give its number`
  if (first !== undefined) return { after: first }
  if (TASK_ID.test(name)) return { after: name }
  const meant = name.length <= LONGEST && nearest(name, byTitle.keys())
  return `after: no task is called ${JSON.stringify(oneLine(name, 80))}${meant ? `; did you mean ${meant}?` : ''}`
}
