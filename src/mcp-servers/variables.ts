import { secretNames } from '../config/mcp-variables.ts'
import type { Env } from '../exec.ts'
import { mcpFailure } from './failure.ts'
import type { McpServer } from './mcp-servers.ts'

/** Secrets of MCP servers: named in the configuration, taken from the environment, kept out of everything that is told. */

const ALWAYS = ['PATH', 'HOME'] as const

/** What of `env` the server gets. @throws OrchError E_MCP_FAILED that names the variables which are not set. */
export function variablesOf(server: McpServer, env: Env): Env {
  const names = secretNames(server)
  const missing = [...new Set(names)].filter((name) => !env[name])
  if (missing.length > 0)
    throw mcpFailure(
      server.name,
      `it needs ${missing.join(', ')}, which agents have not in their environment`,
      `Set ${missing.join(', ')} in the shell that you call orch from.`,
    )
  const wanted = 'command' in server ? [...ALWAYS, ...names] : names
  return Object.fromEntries(wanted.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}

const SHORTEST_TOLD = 6

/** Takes the values of a server's secrets out of what it or a library said. */
export function withoutSecrets(server: McpServer, env: Env): (text: string) => string {
  const secrets = secretNames(server)
    .flatMap((name) => [env[name], env[name]?.trim()])
    .filter((it): it is string => it !== undefined && it !== '')
    .sort((a, b) => b.length - a.length)
  return (text) => {
    // A short value cannot be cut out so that nobody could guess it from what is left.
    if (secrets.some((it) => it.length < SHORTEST_TOLD && text.includes(it))) return '(not shown)'
    return secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text)
  }
}
