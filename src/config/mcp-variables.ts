import type { ProjectConfig } from './schema.ts'

/** Names of the variables that the declared MCP servers are given: agents get them from the caller's shell. */
export function mcpVariables({ mcpServers }: Pick<ProjectConfig, 'mcpServers'>): string[] {
  return Object.values(mcpServers).flatMap((server) =>
    'command' in server
      ? server.env
      : [...(server.bearer ? [server.bearer] : []), ...Object.values(server.headers)],
  )
}
