import { createHash } from 'node:crypto'
import { oneLine } from '../text.ts'
import type { McpServer } from './mcp-servers.ts'

/** What a server showed, as hashes: enough to say later what changed. Values of variables never go in, only names. */
export interface Fingerprint {
  /** Over all of it. */
  hash: string
  declaration: string
  /** What it tells the model about itself. */
  instructions: string
  /** Each tool's name and the hash of all that a model sees of it, by name. */
  tools: [name: string, hash: string][]
}

/** A tool as a server lists it. */
export interface ListedTool {
  name: string
  title?: string | undefined
  description?: string | undefined
  inputSchema: unknown
  outputSchema?: unknown
  annotations?: unknown
}

export interface Shown {
  instructions?: string | undefined
  tools: ListedTool[]
}

/** @throws Error when two tools have one name, or a schema is nested too deeply. */
export function fingerprint(server: McpServer, shown: Shown): Fingerprint {
  const tools = shown.tools
    .map((tool): [string, string] => [tool.name, hashOf(visible(tool))])
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const twice = tools.find(([name], index) => name === tools[index + 1]?.[0])
  if (twice) throw new Error(`it lists two tools of the name ${oneLine(twice[0], 80)}`)
  const parts = {
    declaration: declarationHash(server),
    instructions: hashOf(shown.instructions ?? ''),
    tools,
  }
  return { hash: hashOf(parts), ...parts }
}

export function declarationHash(server: McpServer): string {
  return hashOf('env' in server ? { ...server, env: [...new Set(server.env)].sort() } : server)
}

const visible = ({ name, title, description, inputSchema, outputSchema, annotations }: ListedTool) => ({
  name,
  title,
  description,
  inputSchema,
  outputSchema,
  annotations,
})

const hashOf = (value: unknown) => createHash('sha256').update(canonical(value)).digest('hex')

const DEEPEST = 200
/** Lists in a JSON Schema whose order means nothing, and that servers print in any order. */
const UNORDERED = new Set(['required', 'enum'])

/** JSON in which the order of keys makes no difference. */
export function canonical(value: unknown, key = '', depth = 0): string {
  if (depth > DEEPEST) throw new Error('its tools have schemas that are nested too deeply')
  if (Array.isArray(value)) {
    const items = value.map((it) => canonical(it, '', depth + 1))
    return `[${(UNORDERED.has(key) ? items.sort() : items).join(',')}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const pairs = Object.entries(value).filter(([, it]) => it !== undefined)
  const written = pairs.map(([name, it]) => `${JSON.stringify(name)}:${canonical(it, name, depth + 1)}`)
  return `{${written.sort().join(',')}}`
}

const MOST_NAMED = 10

/** What is different now, in words; undefined when nothing is. */
export function difference(before: Fingerprint, now: Fingerprint): string | undefined {
  if (before.hash === now.hash) return undefined
  const old = new Map(before.tools)
  const fresh = new Map(now.tools)
  const appeared = [...fresh.keys()].filter((name) => !old.has(name))
  const vanished = [...old.keys()].filter((name) => !fresh.has(name))
  const changed = [...fresh].filter(([name, hash]) => old.has(name) && old.get(name) !== hash)
  const told = [
    before.declaration === now.declaration ? [] : ['its declaration changed'],
    before.instructions === now.instructions ? [] : ['its instructions changed'],
    naming(
      'changed',
      changed.map(([name]) => name),
    ),
    naming('appeared', appeared),
    naming('vanished', vanished),
  ]
  return told.flat().join('; ') || 'it shows something else'
}

function naming(what: string, names: string[]): string[] {
  if (names.length === 0) return []
  const some = names.slice(0, MOST_NAMED).map((name) => oneLine(name, 80))
  const rest = names.length > some.length ? ` and ${names.length - some.length} more` : ''
  return [`${names.length === 1 ? 'tool' : 'tools'} ${what}: ${some.join(', ')}${rest}`]
}
