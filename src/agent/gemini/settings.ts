import { mkdir, readdir, readFile, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OrchError } from '../../errors.ts'
import type { Env } from '../../exec.ts'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import type { LaunchOrder } from '../agent.ts'

/**
 * A private copy of the person's Gemini settings, for GEMINI_CLI_HOME. Its system settings would be the place for ours,
 * but the program believes only those that belong to root. Sessions are kept in the copy, the login stays the person's.
 */
export interface GeminiHome {
  /** For GEMINI_CLI_HOME. */
  path: string
  /** Where the person keeps policies. */
  policies: string
}

/** What belongs to the private copy; everything else is the person's own, by link. */
const OWN = new Set(['settings.json', 'tmp', 'history', 'projects.json'])

/** @throws OrchError E_CONFIG when the person's settings are no JSON: the program would not start with them either. */
export async function makeHome({ home, env, mcp }: LaunchOrder, hooks: Hooks = {}): Promise<GeminiHome> {
  const path = join(home, 'gemini')
  const settings = join(path, '.gemini')
  const person = join(env.GEMINI_CLI_HOME ?? env.HOME ?? '/', '.gemini')
  await mkdir(settings, { recursive: true, mode: 0o700 })
  for (const name of await readdir(person).catch(() => []))
    if (!OWN.has(name)) await linkTo(join(person, name), join(settings, name))
  await writeWhole(
    join(settings, 'settings.json'),
    JSON.stringify(withHooks(settingsFor(await readSettings(person), mcp, env), hooks)),
  )
  return { path, policies: join(settings, 'policies') }
}

/** Commands by the name of the hook. */
export type Hooks = Readonly<Record<string, string>>

async function linkTo(target: string, path: string): Promise<void> {
  await symlink(target, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
}

async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

type Settings = Record<string, unknown>

async function readSettings(person: string): Promise<Settings> {
  const file = join(person, 'settings.json')
  const text = await readFile(file, 'utf8').catch(() => '{}')
  try {
    return JSON.parse(withoutComments(text)) as Settings
  } catch (cause) {
    throw new OrchError('E_CONFIG', `${file} is not JSON: gemini cannot start with it`, {
      cause,
      fix: `Correct ${file}.`,
    })
  }
}

/** The program takes comments in its settings. */
const withoutComments = (text: string) =>
  text.replace(/("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, (_, string?: string) => string ?? '')

const part = (value: unknown): Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Settings) : {}

function settingsFor(own: Settings, mcp: readonly McpServer[], env: Env): Settings {
  const { general, privacy, security, context } = own
  return {
    ...own,
    general: { ...part(general), enableAutoUpdate: false, enableAutoUpdateNotification: false },
    privacy: { ...part(privacy), usageStatisticsEnabled: false },
    // Without it `@word` in a prompt takes in the first file of the repository whose name holds the word.
    context: {
      ...part(context),
      fileFiltering: { ...part(part(context).fileFiltering), enableRecursiveFileSearch: false },
    },
    security: { ...part(security), auth: { ...guessedLogin(env), ...part(part(security).auth) } },
    mcpServers: {
      ...part(own.mcpServers),
      ...Object.fromEntries(mcp.map((it) => [it.name, serverOf(it, env)])),
    },
  }
}

/** How long it waits for a hook, in ms. */
const PATIENCE_MS = 10_000

/** Beside those of the person. */
function withHooks(settings: Settings, hooks: Hooks): Settings {
  const ours = Object.entries(hooks)
  if (ours.length === 0) return settings
  const theirs = part(settings.hooks)
  const added = ours.map(([name, command]) => {
    const others = Array.isArray(theirs[name]) ? theirs[name] : []
    return [name, [...others, { hooks: [{ type: 'command', command, timeout: PATIENCE_MS }] }]] as const
  })
  return { ...settings, hooks: { ...theirs, ...Object.fromEntries(added) } }
}

/** With a service of the person's own 0.61.0 guesses a kind of login from the environment that it then refuses. */
const guessedLogin = (env: Env): Settings =>
  env.GOOGLE_GEMINI_BASE_URL && env.GEMINI_API_KEY ? { selectedType: 'gemini-api-key' } : {}

/** The program puts variables' values in; `trust`: their tools are allowed, as the profile names the server. */
function serverOf(server: McpServer, env: Env): Settings {
  if ('url' in server) {
    const headers = Object.entries(server.headers).map(([name, variable]) => [name, `$\{${variable}}`])
    if (server.bearer) headers.push(['Authorization', `Bearer $\{${server.bearer}}`])
    return { httpUrl: literal(server.url), headers: Object.fromEntries(headers), trust: true }
  }
  const [command, ...args] = server.command
  const given = server.env.filter((name) => env[name] !== undefined)
  return {
    command: literal(command),
    args: args.map(literal),
    env: Object.fromEntries(given.map((name) => [name, `$\{${name}}`])),
    trust: true,
  }
}

/** Text in which no variable is put in: a `$` is the default of a variable that is never set. */
const literal = (text: string) => text.replaceAll('$', `$\{ORCH_NEVER_SET:-$}`)
