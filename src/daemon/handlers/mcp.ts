import type { Handlers } from '../../api/contract.ts'
import type { DeclaredMcpServerView, McpFindingView } from '../../api/verbs/mcp-servers.ts'
import { joinEnvironments } from '../../git-config-env.ts'
import type { McpDeclared, McpFinding } from '../../mcp-servers/mcp-servers.ts'
import type { Parts } from '../../orchestrator/parts.ts'

type McpRoutes = 'mcpServers' | 'checkMcpServers' | 'approveMcpServers' | 'revokeMcpServers'

/** The verbs of MCP servers that profiles hand to agents. They are asked in the environment that agents have. */
export function mcpHandlers({ mcpServers, repositories, agentEnv }: Parts): Pick<Handlers, McpRoutes> {
  const root = async (repo: string | undefined) => (repo === undefined ? undefined : repositories.root(repo))
  const within = (env: Record<string, string>) => joinEnvironments(agentEnv, env)
  return {
    async mcpServers({ query }) {
      return { servers: (await mcpServers.list(await root(query.repo))).map(viewDeclared) }
    },
    async checkMcpServers({ body }) {
      const found = await mcpServers.check(await root(body.repo), body.names, within(body.env))
      return { servers: found.map(viewFinding) }
    },
    async approveMcpServers({ body }) {
      const found = await mcpServers.approve(await root(body.repo), body.names, within(body.env))
      return { servers: found.map(viewFinding) }
    },
    async revokeMcpServers({ body }) {
      return { revoked: await mcpServers.revoke(await root(body.repo), body.names) }
    },
  }
}

function viewDeclared({ server, ...rest }: McpDeclared): DeclaredMcpServerView {
  return 'command' in server ? { ...server, command: [...server.command], ...rest } : { ...server, ...rest }
}

const viewFinding = ({ name, state, tools, hash, message }: McpFinding): McpFindingView => ({
  name,
  state,
  tools,
  ...(hash && { hash }),
  ...(message && { message }),
})
