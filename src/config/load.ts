import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { parseDocument } from 'yaml'
import { z } from 'zod'
import { OrchError } from '../errors.ts'
import type { Env } from '../exec.ts'
import { type Config, configSchema, daemonSettings, type Origin, projectSettings } from './schema.ts'

/** The only file that reads the process's environment and home directory. */

export interface Environment {
  env: Env
  home: string
  cwd: string
  stdoutTty: boolean
  stdinTty: boolean
}

export function systemEnvironment(): Environment {
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
  const tty = { stdoutTty: process.stdout.isTTY === true, stdinTty: process.stdin.isTTY === true }
  return { env, home: env.HOME || homedir(), cwd: process.cwd(), ...tty }
}

/** ORCH_STATE_DIR, else `orch` in the XDG state directory. @throws OrchError E_STATE_DIR when it is not absolute. */
export function stateDirectory({ env, home }: Pick<Environment, 'env' | 'home'>): string {
  const state = env.ORCH_STATE_DIR || join(env.XDG_STATE_HOME || join(home, '.local', 'state'), 'orch')
  if (state.startsWith('/') && !state.includes('\0')) return state
  throw new OrchError(
    'E_STATE_DIR',
    `the state directory must be an absolute path, not ${JSON.stringify(state)}`,
  )
}

/** The user's own configuration file. */
export function userConfigFile({ env, home }: Pick<Environment, 'env' | 'home'>): string {
  return env.ORCH_CONFIG || join(env.XDG_CONFIG_HOME || join(home, '.config'), 'orch', 'config.yaml')
}

/** The configuration file of a repository. */
export const projectConfigFile = (repo: string): string => join(repo, '.orch', 'config.yaml')

export interface Loaded {
  config: Config
  /** Where each value came from, by dotted path (`backoffSeconds`, `profiles.general.model`). */
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

/**
 * The configuration: defaults, then the user's file, the repository's file, ORCH_* variables; each over the one before.
 * @throws OrchError E_CONFIG that names file and place.
 */
export async function loadConfig(
  environment: Pick<Environment, 'env' | 'home'>,
  { repo }: { repo?: string } = {},
): Promise<Loaded> {
  const files: string[] = []
  const file = async (path: string, schema: z.ZodType): Promise<Layer> => {
    const values = await readLayer(path, schema)
    if (values) files.push(path)
    return { values: values ?? {}, origin: () => `file ${path}` }
  }
  const layers = [
    await file(userConfigFile(environment), fileSchema),
    ...(repo ? [await file(projectConfigFile(repo), projectFileSchema)] : []),
    variables(environment.env),
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
  checkLayer(path, schema, values)
  return values as Record<string, unknown>
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
      throw new OrchError('E_CONFIG', `${variableOf(key)}: ${JSON.stringify(text)} is no value for ${key}`)
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
