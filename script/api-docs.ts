import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import {
  errorSchema,
  eventsQuery,
  MAX_BODY,
  routes,
  SCHEMA_VERSION,
  type Shape,
} from '../src/api/contract.ts'
import { LINES_PATH, LINES_PROTOCOL } from '../src/api/route-table.ts'
import { eventSchema } from '../src/api/views.ts'

/**
 * Writes docs/api.md from the contract; with --check it only tells whether the page is what the contract says.
 *
 *   node script/api-docs.ts [--check]
 */
const FILE = fileURLToPath(new URL('../docs/api.md', import.meta.url))

interface JsonSchema {
  type?: string
  properties?: Record<string, JsonSchema>
  required?: string[]
  items?: JsonSchema
  enum?: unknown[]
  const?: unknown
  anyOf?: JsonSchema[]
  additionalProperties?: JsonSchema | boolean
  default?: unknown
  description?: string
  maxLength?: number
  minimum?: number
  maximum?: number
  pattern?: string
  format?: string
}

const schemaOf = (schema: z.ZodType, io: 'input' | 'output') =>
  z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as JsonSchema

/** A type in one line, as a person would write it. */
function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  if (schema.enum) return schema.enum.map((it) => JSON.stringify(it)).join(' \\| ')
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' \\| ')
  if (schema.type === 'array')
    return schema.items?.anyOf ? `(${typeOf(schema.items)})[]` : `${typeOf(schema.items ?? {})}[]`
  if (schema.format === 'date-time') return 'time (ISO 8601)'
  if (schema.properties) {
    const fields = Object.entries(schema.properties).map(
      ([name, it]) => `${name}${schema.required?.includes(name) ? '' : '?'}: ${typeOf(it)}`,
    )
    return `{ ${fields.join(', ')} }`
  }
  if (typeof schema.additionalProperties === 'object')
    return `record of ${typeOf(schema.additionalProperties)}`
  return schema.type ?? 'any'
}

function limitsOf(schema: JsonSchema): string {
  const limits = [
    schema.maxLength !== undefined && `at most ${schema.maxLength} characters`,
    schema.minimum !== undefined && schema.minimum > Number.MIN_SAFE_INTEGER && `from ${schema.minimum}`,
    schema.maximum !== undefined && schema.maximum < Number.MAX_SAFE_INTEGER && `to ${schema.maximum}`,
    schema.default !== undefined && `default \`${JSON.stringify(schema.default)}\``,
  ]
  return limits.filter(Boolean).join(', ')
}

function fields(title: string, schema: z.ZodType | undefined, io: 'input' | 'output'): string[] {
  const json = schema && schemaOf(schema, io)
  const entries = Object.entries(json?.properties ?? {})
  if (!json || entries.length === 0) return []
  const rows = entries.map(([name, it]) => {
    const needed = json.required?.includes(name) ? '' : ' (optional)'
    return `| \`${name}\`${needed} | ${typeOf(it)} | ${limitsOf(it)} |`
  })
  return [`${title}:`, '', '| field | type | limits |', '|---|---|---|', ...rows, '']
}

function verb([name, shape]: [string, Shape]): string[] {
  return [
    `### ${name}`,
    '',
    `\`${shape.method} ${shape.path}\``,
    '',
    ...fields('In the path', shape.params, 'input'),
    ...fields('Query', shape.query, 'input'),
    ...(shape.bearer ? ['With `Authorization: Bearer` and the token of an agent.', ''] : []),
    ...fields('Body', shape.body, 'input'),
    ...fields('Answer', shape.answer, 'output'),
  ]
}

function page(): string {
  return [
    '# The API of the daemon',
    '',
    'This page is made from `src/api/contract.ts` by `node script/api-docs.ts`; a test fails when it is out of date.',
    '',
    `Version of the schemas: ${SCHEMA_VERSION}. New fields may appear within a version; a changed or removed one raises it.`,
    '',
    'HTTP and JSON over the Unix socket `run/orchd.sock` of the state directory (0700, nobody else gets there). With the',
    'setting `apiPort` also on loopback TCP, with `Authorization: Bearer` and the content of `run/token`; calls with a foreign',
    '`Host` or `Origin` are refused.',
    '',
    `A body may have ${MAX_BODY / 1024 / 1024} MiB and is \`application/json\`. Unknown fields are refused. An answer other than 2xx has the body`,
    '',
    `\`${typeOf(schemaOf(errorSchema, 'output')).replaceAll('\\|', '|')}\`; the codes are listed in [errors.md](errors.md).`,
    '',
    '```sh',
    'curl --unix-socket ~/.local/state/orch/run/orchd.sock http://orch/v1/status',
    '```',
    '',
    '## Lines',
    '',
    `For who calls often: \`GET ${LINES_PATH}\` on the Unix socket with \`Connection: Upgrade\` and \`Upgrade: ${LINES_PROTOCOL}\` goes on as lines of`,
    "JSON, several calls at once. `{ id, verb, input }` has a number of the caller's, the name of a verb below, and its `params`,",
    '`query` (both with texts as values), `bearer` and `body`. It is answered by `{ id, answer }` or `{ id, error }` as soon as that is',
    'known. `{ id, gone: true }` gives a call up; the end of the connection gives up all. What is no call is answered with the id',
    '`null`; a line longer than a body may be (`E_TOO_LARGE`) is the last one. Where the upgrade is answered by something else',
    'than 101 there are no lines: use HTTP.',
    '',
    '## Events',
    '',
    '`GET /v1/events`',
    '',
    'Server-sent events in the order of the journal. The id of each is its `seq`: send the last one back as `Last-Event-ID`',
    '(or `after`) and the stream goes on without gap or double, also after the daemon was killed. One that ends with an event',
    '`failed`, whose data is an error, is not whole.',
    '',
    ...fields('Query', eventsQuery, 'input'),
    ...fields('Each event', eventSchema, 'output'),
    '## Verbs',
    '',
    ...Object.entries<Shape>(routes).flatMap(verb),
  ].join('\n')
}

const wanted = `${page().trimEnd()}\n`
if (!process.argv.includes('--check')) writeFileSync(FILE, wanted)
else if (readFileSync(FILE, 'utf8') !== wanted) {
  console.error('docs/api.md is not what the contract says: run node script/api-docs.ts')
  process.exit(1)
}
