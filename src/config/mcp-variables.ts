import type { ProjectConfig } from './schema.ts'

/** What of an MCP server names its secrets, declared or resolved. */
type NamesSecrets =
  | { env: readonly string[] }
  | { bearer?: string | undefined; headers: Readonly<Record<string, string>> }

/** Names of the variables that hold a server's secrets. */
export function secretNames(server: NamesSecrets): string[] {
  if ('env' in server) return [...server.env]
  return [...(server.bearer ? [server.bearer] : []), ...Object.values(server.headers)]
}

/** Names of the variables that the declared MCP servers are given: agents get them from the caller's shell. */
export function mcpVariables({ mcpServers }: Pick<ProjectConfig, 'mcpServers'>): string[] {
  return Object.values(mcpServers).flatMap(secretNames)
}
