import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { withoutPassword } from './redact.ts'
import { type Config, configSchema, daemonSettings, type Origin, projectSettings } from './schema.ts'

/** The layers of the configuration, laid over each other. */

export interface Loaded {
  config: Config
  /** Where each value came from, by dotted path (`backoffSeconds`, `mcpServers.memory`). */
  origins: Record<string, Origin>
  /** The files that were read. */
  files: string[]
}

interface Layer {
  values: Record<string, unknown>
  origin: (path: string) => Origin
}

const fileSchema = configSchema.partial()
const projectFileSchema = projectSettings.partial().strict()
const DAEMON_KEYS = new Set(Object.keys(daemonSettings.shape))

/** What loadConfig gives, from the files and variables that it names. @throws OrchError E_CONFIG */
export async function loadLayers(sources: { user: string; project?: string; env: Env }): Promise<Loaded> {
  const files: string[] = []
  const file = async (path: string, schema: z.ZodType): Promise<Layer> => {
    const values = await readLayer(path, schema)
    if (values) files.push(path)
    return { values: values ?? {}, origin: () => `file ${path}` }
  }
  const layers = [
    await file(sources.user, fileSchema),
    ...(sources.project ? [await file(sources.project, projectFileSchema)] : []),
    variables(sources.env),
  ]
  return { ...merge(layers), files }
}

async function readLayer(path: string, schema: z.ZodType): Promise<Record<string, unknown> | undefined> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    if (['ENOENT', 'ENOTDIR'].includes(cause.code)) return undefined
    throw new OrchError('E_CONFIG', `cannot read ${path}: ${cause.message}`, { cause })
  })
  if (text === undefined) return undefined
  const document = parseDocument(text, { uniqueKeys: true, schema: 'core' })
  const fault = document.errors[0]
  if (fault) throw new OrchError('E_CONFIG', `${path}: ${fault.message}`)
  const values: unknown = document.toJS({ maxAliasCount: 20 }) ?? {}
  refuseOldProfiles(path, values)
  checkLayer(path, schema, values)
  return values as Record<string, unknown>
}

/** Until profiles were files of their own they stood in this one. */
function refuseOldProfiles(path: string, values: unknown): void {
  if (!isRecord(values) || !('profiles' in values)) return
  const names = isRecord(values.profiles) ? Object.keys(values.profiles).slice(0, 10) : []
  const files = (names.length > 0 ? names : ['NAME']).map((name) =>
    join(dirname(path), 'profiles', `${name}.md`),
  )
  throw new OrchError('E_CONFIG', `${path}: profiles are files of their own now: ${files.join(', ')}`, {
    fix: 'Write each of them with `orch profiles new NAME` (`--user` for your own), then remove `profiles:` here; docs/profiles.md tells what a file can say.',
  })
}

function checkLayer(path: string, schema: z.ZodType, values: unknown): void {
  const checked = schema.safeParse(values)
  if (checked.success) return
  const misplaced = Object.keys(values as object).find(
    (key) => DAEMON_KEYS.has(key) && schema === projectFileSchema,
  )
  const hint = misplaced ? `\n${misplaced} is a setting of the daemon: it belongs into your own file` : ''
  throw new OrchError('E_CONFIG', `${path}: ${z.prettifyError(checked.error)}${hint}`)
}

/** ORCH_MAX_AGENTS=3 sets maxAgents. Numbers and words only; lists and records belong into a file. */
function variables(env: Env): Layer {
  const values: Record<string, unknown> = {}
  for (const [key, schema] of Object.entries(configSchema.shape)) {
    const text = env[variableOf(key)]
    if (text === undefined || text === '') continue
    const checked = [text, Number(text)]
      .map((value) => schema.safeParse(value))
      .find((result) => result.success)
    if (!checked)
      throw new OrchError(
        'E_CONFIG',
        `${variableOf(key)}: ${JSON.stringify(withoutPassword(text))} is no value for ${key}`,
      )
    values[key] = checked.data
  }
  return { values, origin: (path) => `variable ${variableOf(path)}` }
}

const variableOf = (key: string) => `ORCH_${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`

function merge(layers: Layer[]): Pick<Loaded, 'config' | 'origins'> {
  const values: Record<string, unknown> = {}
  const origins: Record<string, Origin> = {}
  for (const layer of layers) {
    for (const [key, value] of Object.entries(layer.values)) {
      values[key] = isRecord(value) && isRecord(values[key]) ? { ...values[key], ...value } : value
      for (const path of isRecord(value) ? Object.keys(value).map((name) => `${key}.${name}`) : [key]) {
        origins[path] = layer.origin(path)
      }
    }
  }
  const config = configSchema.parse(values)
  for (const key of Object.keys(config)) {
    if (!Object.keys(origins).some((path) => path === key || path.startsWith(`${key}.`)))
      origins[key] = 'default'
  }
  return { config, origins }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
