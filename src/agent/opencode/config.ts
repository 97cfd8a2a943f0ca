import { OrchError } from '../../errors.ts'
import type { Env } from '../../exec.ts'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import type { Profile } from '../../profile/profile.ts'

/**
 * The configuration that a launch adds to the person's own (OPENCODE_CONFIG_CONTENT, the last that is merged). It
 * holds names of variables, never their values. @throws OrchError E_INVALID for a value that cannot be put in
 */
export function configOf(order: {
  profile: Pick<Profile, 'permissions' | 'tools'>
  mcp: readonly McpServer[]
  /** The agent's environment. */
  env: Env
  /** Path of the file with the words of the profile. */
  instructions?: string
}): string {
  const { profile, mcp, env, instructions } = order
  for (const name of mcp.flatMap(variablesOf)) checkValue(name, env[name])
  const config = {
    autoupdate: false,
    share: 'disabled',
    // Its own copies of the checkout, for undo in its terminal interface, which nobody looks at.
    snapshot: false,
    permission: permissionsOf(profile, mcp),
    ...(instructions && { instructions: [instructions] }),
    mcp: Object.fromEntries(mcp.map((server) => [server.name, serverOf(server)])),
  }
  return withVariables(JSON.stringify(config))
}

/** NUL, which no text from elsewhere can hold, stands for the brace of a variable that is meant as one. */
const variable = (name: string) => `\0env:${name}}`

/**
 * It puts `{env:NAME}` and `{file:PATH}` in before it reads the JSON, so every other brace in a text is written as its
 * code, which only JSON understands.
 */
const withVariables = (json: string) =>
  json.replace(/"(?:\\.|[^"\\])*"/g, (text) => {
    const value = JSON.parse(text) as string
    return value.includes('\0')
      ? JSON.stringify(value.replaceAll('\0', '{'))
      : text.replaceAll('{', '\\u007b')
  })

const variablesOf = (server: McpServer): string[] =>
  'url' in server ? [...Object.values(server.headers), ...(server.bearer ? [server.bearer] : [])] : []

/** Values are put in as they are: one that is no JSON breaks the configuration, which is then printed, secrets and all. */
function checkValue(name: string, value = ''): void {
  if (JSON.stringify(value) === `"${value}"`) return
  throw new OrchError('E_INVALID', `${name} holds a quote, a backslash or a control character`, {
    fix: `opencode cannot be given such a value for a header. Change ${name}, or take another agent program.`,
  })
}

function serverOf(server: McpServer): object {
  if ('url' in server) {
    const headers = Object.entries(server.headers).map(([name, value]) => [name, variable(value)])
    if (server.bearer) headers.push(['Authorization', `Bearer ${variable(server.bearer)}`])
    return { type: 'remote', url: server.url, headers: Object.fromEntries(headers), oauth: false }
  }
  // It gets the agent's whole environment, but must not speak as the agent.
  const environment = server.env.includes(TOKEN) ? {} : { [TOKEN]: '' }
  return { type: 'local', command: server.command, environment }
}

const TOKEN = 'ORCH_AGENT_TOKEN'

type Action = 'allow' | 'deny'
/** The last rule that fits decides. What it would ask is refused and ends the turn, so nothing is asked. */
type Rules = Record<string, Action | Record<string, Action>>

const LOOKS = ['read', 'grep', 'glob', 'list', 'lsp', 'codesearch', 'todowrite', 'todoread', 'skill']

function permissionsOf(
  { permissions, tools }: Pick<Profile, 'permissions' | 'tools'>,
  mcp: readonly McpServer[],
): Rules {
  if (permissions === 'all') return { '*': 'allow', external_directory: 'allow', doom_loop: 'allow' }
  const looks = Object.fromEntries(LOOKS.map((name) => [name, 'allow' as const]))
  const base: Rules = { '*': 'deny', ...looks, external_directory: 'deny', doom_loop: 'deny' }
  if (permissions === 'read') return { ...base, 'orch_*': 'allow' }
  return {
    ...base,
    edit: 'allow',
    task: 'allow',
    ...Object.fromEntries(mcp.map(({ name }) => [`${name}_*`, 'allow' as const])),
    ...toolRules(tools),
  }
}

/** Names of Claude Code that mean something else than edits and reading, which need no rule. */
const NAMES: Record<string, string> = { WebFetch: 'webfetch', WebSearch: 'websearch' }

function toolRules(tools: readonly string[]): Rules {
  const rules: Rules = {}
  const bash: Record<string, Action> = { '*': 'deny' }
  for (const tool of tools) {
    const [, name = tool, pattern] = /^(\w+)\((.*)\)$/s.exec(tool) ?? []
    if (name === 'Bash') for (const fit of commandsOf(pattern)) bash[fit] = 'allow'
    // Patterns of paths mean something else there: rather too little than too much.
    else if (pattern === undefined && NAMES[name]) rules[NAMES[name]] = 'allow'
    else if (pattern === undefined && /^[a-z][a-z0-9_-]*$/.test(name)) rules[name] = 'allow'
  }
  return { ...rules, bash }
}

/** `git:*` = commands that begin so; anything else = exactly this command. */
function commandsOf(pattern?: string): string[] {
  if (pattern === undefined || pattern === '*') return ['*']
  const begin = /^(.*?)(?::| )\*$/s.exec(pattern)?.[1]
  return begin === undefined ? [pattern] : [begin, `${begin} *`]
}

/** Without these it would bring itself up to date in the middle of the work. */
export const QUIET: Env = { OPENCODE_DISABLE_AUTOUPDATE: '1', OPENCODE_DISABLE_TERMINAL_TITLE: '1' }
