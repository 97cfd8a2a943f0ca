import { Command } from 'commander'
import type { AgentToolView } from '../../api/verbs/agent-tools.ts'
import { OrchError } from '../../errors.ts'

/** Command lines of the tools for agents, made from the JSON schemas of what they take. */

type Fields = Record<string, unknown>
/** The part of a JSON schema that an option is made from. */
interface FieldSchema {
  type?: string
  description?: string
  default?: unknown
  items?: FieldSchema
}

export interface ToolOptions {
  fields: Fields
  /** What was given with --json: an object, or `-` for standard input. */
  json: string | undefined
}

/** `report_progress` as people type it: `report-progress`. */
export const dashed = (name: string): string => name.replaceAll('_', '-')

/** A command with an option for each field of the tool; `take` is given what a command line says. */
export function toolCommand(tool: AgentToolView, take: (options: ToolOptions) => void): Command {
  const command = new Command(`orch agent ${dashed(tool.name)}`).description(tool.description)
  const schemas = Object.entries((tool.inputSchema.properties ?? {}) as Record<string, FieldSchema>)
  const required = (tool.inputSchema.required ?? []) as string[]
  const fields: Fields = {}
  for (const [name, schema] of schemas) {
    const needed = required.includes(name) ? ' (needed)' : ''
    const keep = (text: string) => {
      fields[name] = isList(schema) ? listed(fields[name], name, text) : readValue(name, schema, text)
    }
    command.option(flagOf(name, schema), `${schema.description ?? ''}${needed}`, keep)
  }
  command.option('--json [object]', 'all fields as one JSON object, - reads it from standard input')
  command.allowExcessArguments(false)
  return command.action(({ json }: { json?: string | true }) =>
    take({ fields, json: json === true ? undefined : json }),
  )
}

function flagOf(name: string, schema: FieldSchema): string {
  const { type = 'json' } = schema
  if (isList(schema)) return `--${dashed(name)} <string...>`
  return `--${dashed(name)} <${type === 'boolean' ? 'true|false' : type}>`
}

/** A list of texts can be given one after the other. */
const isList = ({ type, items }: FieldSchema): boolean => type === 'array' && items?.type === 'string'

/** What was given so far, and this: one more, or several as JSON. @throws OrchError E_USAGE */
function listed(before: unknown, name: string, text: string): unknown[] {
  const more = text.startsWith('[') ? (readValue(name, { type: 'array' }, text) as unknown[]) : [text]
  return [...(Array.isArray(before) ? before : []), ...more]
}

/** @throws OrchError E_USAGE when a number, a truth value or JSON is asked and the text is none. */
function readValue(name: string, { type }: FieldSchema, text: string): unknown {
  if (type === 'string') return text
  try {
    const value: unknown = JSON.parse(text)
    if (type === undefined || type === kindOf(value) || (type === 'integer' && Number.isInteger(value)))
      return value
  } catch {
    // said below
  }
  throw new OrchError('E_USAGE', `--${dashed(name)} needs ${type ?? 'JSON'}, not ${JSON.stringify(text)}`)
}

const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value)

/** The input of a call: what --json says, and the single options over it. @throws OrchError E_USAGE */
export function inputOf(fields: Fields, json: string | undefined): Fields {
  if (json === undefined) return fields
  try {
    const given: unknown = JSON.parse(json)
    if (kindOf(given) === 'object' && given !== null) return { ...given, ...fields }
  } catch {
    // said below
  }
  throw new OrchError('E_USAGE', '--json needs one JSON object', {
    fix: 'For instance: --json \'{"summary": "…"}\'',
  })
}
