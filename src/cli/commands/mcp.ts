import type { Command } from 'commander'
import { OrchError } from '../../errors.ts'
import { examples } from '../arguments.ts'
import type { Cli } from '../cli.ts'
import { count } from '../count.ts'
import { approvedText, declaredTable, findingsText } from '../mcp-lines.ts'
import { findRepository } from '../repository.ts'

interface Place {
  repo?: string
}

export function define(command: Command, cli: Cli): void {
  examples(command, ['orch mcp list', 'orch mcp check', 'orch mcp check github', 'orch mcp approve github'])
  const list = verb(command, 'list', 'list the MCP servers that profiles may name; starts none', [
    'orch mcp list',
  ])
  list.action(async (options: Place) => {
    const { repo } = await placeOf(cli, options)
    const { servers } = await (await cli.connect()).call('mcpServers', { query: { repo } })
    cli.answer('mcp-servers', { servers }, () => declaredTable(servers, cli.layout()))
  })
  const check = verb(
    command,
    'check',
    'start and ask servers: whether they answer, and which tools they have',
    ['orch mcp check', 'orch mcp check github --json'],
  )
  check.argument('[name...]', 'these; all that may be started when none is named')
  check.addHelpText('after', '\nExit codes: 0 all are ready, 4 one is not.')
  check.action((names: string[], options: Place) => checkServers(cli, names, options))
  defineApproval(command, cli)
}

function defineApproval(command: Command, cli: Cli): void {
  const approve = verb(command, 'approve', 'let agents have servers as they are now', [
    'orch mcp check github && orch mcp approve github',
  ])
  approve.argument('<name...>', 'servers that you have looked at')
  approve.action(async (names: string[], options: Place) => {
    onlyPersons(cli)
    const body = { names, ...(await placeOf(cli, options)) }
    const { servers } = await (await cli.connect()).call('approveMcpServers', { body })
    cli.answer('mcp-approved', { servers }, () => approvedText(servers, cli))
  })
  const revoke = verb(command, 'revoke', 'forget what was approved, so that it is asked again', [
    'orch mcp revoke github',
  ])
  revoke.argument('<name...>')
  revoke.action(async (names: string[], options: Place) => {
    onlyPersons(cli)
    const { repo } = await placeOf(cli, options)
    const done = await (await cli.connect()).call('revokeMcpServers', { body: { names, repo } })
    cli.answer('mcp-revoked', { names, ...done }, () => `${count(done.revoked, 'approval')} forgotten\n`)
  })
}

function verb(command: Command, name: string, description: string, lines: string[]): Command {
  const made = command.command(name).description(description)
  made.option('--repo <path>', 'repository (default: the one you are in)')
  return examples(made, lines)
}

async function checkServers(cli: Cli, names: string[], options: Place): Promise<void> {
  const body = { names, ...(await placeOf(cli, options)) }
  const { servers } = await (await cli.connect()).call('checkMcpServers', { body })
  cli.answer('mcp-check', { servers }, () => findingsText(servers, cli))
  if (servers.some(({ state }) => state !== 'ready')) cli.exit(4)
}

/** The repository, if we are in one, and of the caller's variables those that its servers and the user's name. */
async function placeOf(cli: Cli, options: Place): Promise<{ repo?: string; env: Record<string, string> }> {
  const { loadConfig } = await import('../../config/load.ts')
  const { mcpVariables } = await import('../../config/mcp-variables.ts')
  const repo =
    options.repo === undefined ? await findRepository(cli.repository()) : cli.repository(options.repo)
  const root = repo && (await findRepository(repo))
  const { config } = await loadConfig(cli.world.environment, { repo: root })
  const wanted = new Set(['PATH', 'HOME', ...mcpVariables(config)])
  const env = Object.entries(cli.world.environment.env).filter(([name]) => wanted.has(name))
  return { ...(repo !== undefined && { repo }), env: Object.fromEntries(env) }
}

/** Not a wall (an agent runs as its person), but no agent does it by mistake or because a text told it to. */
function onlyPersons({ world }: Cli): void {
  if (world.environment.env.ORCH_AGENT === undefined) return
  throw new OrchError('E_FORBIDDEN', 'what agents may have is decided by a person, not by an agent', {
    fix: 'Call it from a shell of your own.',
  })
}
