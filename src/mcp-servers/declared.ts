import { type Loaded, projectConfigFile } from '../config/load.ts'
import type { McpServerDeclaration } from '../config/schema.ts'
import { OrchError } from '../errors.ts'
import type { McpServer } from './mcp-servers.ts'

/** An MCP server of the configuration, and whose word it is. */
export interface Declared {
  server: McpServer
  /** `project`: the repository's own file declares it. That is other people's word until it is approved. */
  origin: 'user' | 'project'
}

/** All that are declared for a repository (only the user's own without one), by name. @throws OrchError E_CONFIG */
export type Declarations = (repo?: string) => Promise<ReadonlyMap<string, Declared>>

export function declaredIn(
  { config, origins }: Pick<Loaded, 'config' | 'origins'>,
  repo?: string,
): ReadonlyMap<string, Declared> {
  const project = repo && `file ${projectConfigFile(repo)}`
  return new Map(
    Object.entries(config.mcpServers).map(([name, declaration]) => {
      const theirs = project !== undefined && origins[`mcpServers.${name}`] === project
      return [name, { server: serverOf(name, declaration), origin: theirs ? 'project' : 'user' }]
    }),
  )
}

function serverOf(name: string, declaration: McpServerDeclaration): McpServer {
  if ('command' in declaration) return { name, command: declaration.command, env: declaration.env }
  const { url, bearer, headers } = declaration
  return { name, url, ...(bearer && { bearer }), headers }
}

/** The servers of these names, each once; all when there are no names. @throws OrchError E_INVALID for an unknown one. */
export function named(declared: ReadonlyMap<string, Declared>, names: readonly string[]): Declared[] {
  if (names.length === 0) return [...declared.values()]
  return [...new Set(names)].map((name) => {
    const found = declared.get(name)
    if (found) return found
    const known = [...declared.keys()].join(', ')
    throw new OrchError('E_INVALID', `there is no MCP server ${JSON.stringify(name)}`, {
      fix: known
        ? `Declared are: ${known}.`
        : 'Declare it under mcpServers in your configuration, see docs/mcp.md.',
    })
  })
}
