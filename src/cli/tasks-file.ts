import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import type { z } from 'zod'
import { type NewTaskRequest, newTaskSchema } from '../api/contract.ts'
import { OrchError } from '../errors.ts'
import { plainText } from '../text.ts'
import type { Input } from './input.ts'
import { nearest } from './nearest.ts'
import { positionsOf, withPositions } from './tasks-after.ts'

/** Several tasks in a file: a list, or `tasks:` with a list. A task is a text, or the fields of the API's new task. */

const MOST_TASKS = 1_000
/** Aliases are refused beyond this many: a few lines of them can stand for gigabytes. */
const MOST_ALIASES = 20

/**
 * The tasks of a file; `defaults` (from the command line) hold where a task says nothing itself.
 * @throws OrchError E_INVALID with file and line
 */
export function parseTasks({ name, text }: Input, defaults: Partial<NewTaskRequest>): NewTaskRequest[] {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    schema: 'core',
    prettyErrors: false,
  })
  const at = (path: PropertyKey[]) => lineOf(document, lines, path)
  const fault = document.errors[0] ?? document.warnings[0]
  if (fault) throw invalid(name, lines.linePos(fault.pos[0]).line, fault.message)
  const value = toValue(name, () => document.toJS({ maxAliasCount: MOST_ALIASES }))
  const prefix = isMap(document.contents) ? ['tasks'] : []
  const list = listOf(value, (message, key) => invalid(name, at(key ? [key] : []), message))
  const positions = positionsOf(list)
  return list.map((entry, index) => {
    const place = [...prefix, index]
    const fault: Fault = (path, message) =>
      invalid(name, at([...place, ...path]), `task ${index + 1}: ${message}`)
    return readTask(withPositions(entry, positions, fault), defaults, fault)
  })
}

/** The line of a key or an item; of what holds it when it is not there. */
function lineOf(document: Document, lines: LineCounter, path: PropertyKey[]): number {
  for (let end = path.length; end > 0; end--) {
    const holder = document.getIn(path.slice(0, end - 1), true)
    const place = path[end - 1]
    const pair = isMap(holder)
      ? holder.items.find(({ key }) => isScalar(key) && key.value === place)
      : undefined
    const node = (pair?.key ?? document.getIn(path.slice(0, end), true)) as Node | undefined
    if (node?.range) return lines.linePos(node.range[0]).line
  }
  return 1
}

function toValue(name: string, read: () => unknown): unknown {
  try {
    return read()
  } catch (error) {
    throw invalid(name, 1, (error as Error).message)
  }
}

function listOf(value: unknown, fault: (message: string, key?: string) => OrchError): unknown[] {
  const list = isRecord(value) ? value.tasks : value
  if (isRecord(value)) {
    const other = Object.keys(value).find((key) => key !== 'tasks')
    if (other !== undefined)
      throw fault(`unknown key ${JSON.stringify(other)}${hint(other, ['tasks'])}`, other)
  }
  if (!Array.isArray(list)) throw fault('a list of tasks is expected, or `tasks:` with a list')
  if (list.length === 0) throw fault('there is no task in it')
  if (list.length > MOST_TASKS) throw fault(`${list.length} tasks; at most ${MOST_TASKS} go into one run`)
  return list
}

type Fault = (path: PropertyKey[], message: string) => OrchError

function readTask(entry: unknown, defaults: Partial<NewTaskRequest>, fault: Fault): NewTaskRequest {
  const given = typeof entry === 'string' ? { description: entry } : entry
  if (!isRecord(given)) throw fault([], 'a text, or a map with `description`, is expected')
  if ('task' in given && 'description' in given)
    throw fault(['task'], '`task` and `description` are the same: give one')
  const { task, ...rest } = given
  const checked = newTaskSchema.safeParse({
    ...defaults,
    ...rest,
    ...(defaults.limits && isRecord(rest.limits) && { limits: { ...defaults.limits, ...rest.limits } }),
    ...('task' in given && { description: task }),
  })
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : []
  const path = [...(issue?.path ?? []), ...unknown]
  const shown = path[0] === 'description' && 'task' in given ? ['task', ...path.slice(1)] : path
  throw fault(shown, describe(issue, shown))
}

function describe(issue: z.core.$ZodIssue | undefined, path: PropertyKey[]): string {
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const known = path[0] === 'limits' ? newTaskSchema.shape.limits.unwrap() : newTaskSchema
    const others = known === newTaskSchema ? ['task'] : []
    return `unknown key ${JSON.stringify(key)}${hint(key, [...others, ...Object.keys(known.shape)])}`
  }
  return `${path.join('.') || 'task'}: ${issue?.message}`
}

function hint(key: string, known: string[]): string {
  const meant = nearest(key, known)
  return meant ? `; did you mean ${meant}?` : `; known are ${known.join(', ')}`
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const invalid = (name: string, line: number, message: string) =>
  new OrchError('E_INVALID', plainText(`${name}:${line}: ${message}`), {
    fix: 'Correct the line that is named and try again; `orch run --help` shows a file of tasks.',
  })
