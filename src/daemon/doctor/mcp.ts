import { packageVersion } from '../../api/version.ts'
import { createBreakers } from '../../breakers.ts'
import { systemClock } from '../../clock.ts'
import { type Environment, loadConfig } from '../../config/load.ts'
import type { Paths } from '../../config/paths.ts'
import { type Exec, spawnPiped } from '../../exec.ts'
import { createGit } from '../../git.ts'
import { silentLog } from '../../log.ts'
import { declaredIn } from '../../mcp-servers/declared.ts'
import type { McpFinding } from '../../mcp-servers/mcp-servers.ts'
import { createMcpServers } from '../../mcp-servers/servers.ts'
import { createProcessTable } from '../../runtime/processes/system.ts'
import { createRepositories } from '../repositories.ts'
import type { Finding } from './finding.ts'

/**
 * Whether the MCP servers answer that the user and the repository here declare: no finding when there are none. Like
 * `orch mcp check` it starts none that nobody approved, and pins nothing.
 */
export async function examineMcpServers(
  { exec, environment, platform }: { exec: Exec; environment: Environment; platform: NodeJS.Platform },
  paths: () => Paths,
): Promise<Finding[]> {
  const { env, cwd } = environment
  const git = createGit(exec, env, cwd)
  const repo = await createRepositories({ git, exec, env })
    .root(cwd)
    .catch(() => undefined)
  const declared = declaredIn(await loadConfig(environment, { repo }), repo)
  if (declared.size === 0) return []
  const processes = createProcessTable({ platform, exec, env })
  const servers = createMcpServers({
    declared: async () => declared,
    pins: paths().mcpPins,
    spawnPiped,
    findMarked: async (mark) => (await processes.find({ mark })).map(({ pid }) => pid),
    version: packageVersion(),
    uuid: () => crypto.randomUUID(),
    clock: systemClock,
    breakers: createBreakers({ clock: systemClock, failures: 1, seconds: 1, changed: () => {} }),
    log: silentLog,
  })
  return (await servers.check(repo, [], env)).map(findingOf)
}

function findingOf({ name, state, tools, message = '' }: McpFinding): Finding {
  const about = `MCP server ${name}`
  if (state === 'ready') return { name: about, state: 'ok', found: `answers, tools: ${tools.length}` }
  const fix =
    state === 'failed'
      ? `Mend it or its declaration under mcpServers: orch mcp check ${name}`
      : `orch mcp check ${name} shows what it offers, orch mcp approve ${name} lets agents have it`
  return { name: about, state: 'warn', found: message, fix }
}
