import type { McpServer } from '../../mcp-servers/mcp-servers.ts'

/** MCP servers in the words of `--mcp-config`. The program itself puts the values of `${NAME}` in: no secret is written. */
export function mcpConfig(servers: readonly McpServer[]): string {
  const entries = servers.map((server) => [server.name, entryOf(server)] as const)
  return JSON.stringify({ mcpServers: Object.fromEntries(entries) }, null, 2)
}

function entryOf(server: McpServer): object {
  if ('url' in server) {
    const headers = Object.entries(server.headers).map(([name, variable]) => [name, reference(variable)])
    if (server.bearer) headers.push(['Authorization', `Bearer ${reference(server.bearer)}`])
    return { type: 'http', url: server.url, headers: Object.fromEntries(headers) }
  }
  const [command, ...args] = server.command
  const env = Object.fromEntries(server.env.map((name) => [name, reference(name)]))
  return { type: 'stdio', command, args, env }
}

/** Empty where the variable is not there; without that the program would refuse the whole file. */
const reference = (variable: string): string => `\${${variable}:-}`
