import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import type { Profile } from '../../profile/profile.ts'

/** Settings of Codex as `-c key=value`; values are TOML. Only names of variables stand in them, never what they hold. */

export const set = (key: string, value: string): string[] => ['-c', `${key}=${value}`]
/** JSON strings are TOML strings but for DEL. */
export const text = (value: string) => JSON.stringify(value.toWellFormed()).replaceAll('\u007f', '\\u007f')
const list = (values: readonly string[]) => `[${values.map(text).join(',')}]`
const table = (fields: Record<string, string | undefined>) =>
  `{${Object.entries(fields)
    .flatMap(([key, value]) => (value === undefined ? [] : [`${text(key)}=${value}`]))
    .join(',')}}`

/** A login shell sets the PATH anew: its commands would find neither `orch` nor what the set-up steps made ready. */
export const OWN_PATH = set('allow_login_shell', 'false')

const EFFORT = { strong: 'high', fast: 'low' } as const

/** Model effort by tier, when no model was chosen, and the profile's own instructions. */
export function instructionSettings(profile: Profile, model: string | undefined): string[] {
  const { tier, prompt } = profile
  return [
    ...(!model && tier !== 'standard' ? set('model_reasoning_effort', text(EFFORT[tier])) : []),
    ...(prompt ? set('developer_instructions', text(prompt)) : []),
  ]
}

/**
 * What it may do. Nobody is there to be asked, so what would need an answer is refused. In the sandbox `workspace-write`
 * it can commit only when the git directories of its checkout are named as writable, each of them: Codex mounts the one
 * of a linked worktree read-only even below a directory that is writable (openai/codex issues 19786, 27418).
 */
export async function permissionSettings(profile: Profile, workspace: string): Promise<string[]> {
  const { permissions, tools } = profile
  if (permissions === 'all') return ['--dangerously-bypass-approvals-and-sandbox']
  const never = set('approval_policy', text('never'))
  if (permissions === 'read') return [...never, ...set('sandbox_mode', text('read-only'))]
  const reaches = tools.some((tool) => ['Bash', 'WebFetch', 'WebSearch'].includes(tool))
  return [
    ...never,
    ...set('sandbox_mode', text('workspace-write')),
    ...set('sandbox_workspace_write.writable_roots', list(await gitDirectories(workspace))),
    ...set('sandbox_workspace_write.network_access', `${reaches}`),
  ]
}

/** The git directory of a checkout and, for a linked worktree, the one it shares with others (gitrepository-layout(5)). */
async function gitDirectories(workspace: string): Promise<string[]> {
  const pointer = await readFile(join(workspace, '.git'), 'utf8').catch(() => undefined)
  const own = pointer?.match(/^gitdir: (.+?)\n?$/)?.[1]
  if (!own) return [join(workspace, '.git')]
  const directory = resolve(workspace, own)
  const common = await readFile(join(directory, 'commondir'), 'utf8').catch(() => undefined)
  return common ? [resolve(directory, common.trim()), directory] : [directory]
}

export function mcpSettings(servers: readonly McpServer[]): string[] {
  return servers.flatMap((server) => set(`mcp_servers.${server.name}`, mcpTable(server)))
}

function mcpTable(server: McpServer): string {
  // Nobody is there to allow a call; the profile did.
  const allowed = { default_tools_approval_mode: text('approve') }
  if ('command' in server) {
    const [command, ...args] = server.command
    return table({ command: text(command), args: list(args), env_vars: list(server.env), ...allowed })
  }
  const headers = Object.entries(server.headers).map(([name, variable]) => [name, text(variable)])
  return table({
    url: text(server.url),
    bearer_token_env_var: server.bearer && text(server.bearer),
    env_http_headers: headers.length > 0 ? table(Object.fromEntries(headers)) : undefined,
    ...allowed,
  })
}
