import type { DeclaredMcpServerView, McpFindingView } from '../api/verbs/mcp-servers.ts'
import { oneLine } from '../text.ts'
import type { Cli } from './cli.ts'
import { count } from './count.ts'
import type { Colour } from './style.ts'
import { type TableOptions, table } from './table.ts'
import { cut } from './width.ts'

/** MCP servers on the terminal. What they say of themselves is other people's text. */

const APPROVALS: Record<DeclaredMcpServerView['approval'], Colour> = {
  approved: 'green',
  outdated: 'yellow',
  none: 'dim',
}

export function declaredTable(servers: DeclaredMcpServerView[], options: TableOptions): string {
  if (servers.length === 0) return 'no MCP servers are declared: see mcpServers in docs/mcp.md\n'
  const columns = [
    { title: 'NAME' },
    { title: 'FROM' },
    { title: 'APPROVED' },
    { title: 'TOOLS', right: true },
    { title: 'SERVER', flexible: true },
  ]
  const rows = servers.map((it) => [
    it.name,
    it.origin,
    { text: approvalOf(it), colour: APPROVALS[it.approval] },
    it.tools === undefined ? '' : String(it.tools),
    serverOf(it),
  ])
  return table(columns, rows, options)
}

/** The user's own need no word of a person: they are trusted when they are used first. */
function approvalOf({ approval, origin }: DeclaredMcpServerView): string {
  if (approval === 'none') return origin === 'user' ? 'when used' : 'no'
  return approval === 'approved' ? 'yes' : 'outdated'
}

const LONGEST = 500

function serverOf({ command, url, env, bearer, headers = {} }: DeclaredMcpServerView): string {
  const variables = [...(env ?? []), ...(bearer ? [bearer] : []), ...Object.values(headers)]
  const needs = variables.length > 0 ? ` (needs ${variables.join(', ')})` : ''
  return oneLine(`${command?.join(' ') ?? url ?? ''}${needs}`, LONGEST)
}

const MARKS: Record<McpFindingView['state'], [string, Colour]> = {
  ready: ['✓', 'green'],
  changed: ['!', 'yellow'],
  unapproved: ['!', 'yellow'],
  failed: ['✗', 'red'],
}

export function findingsText(servers: McpFindingView[], cli: Pick<Cli, 'paint' | 'layout'>): string {
  if (servers.length === 0) return 'no MCP servers are declared: see mcpServers in docs/mcp.md\n'
  return servers.map((it) => findingText(it, cli)).join('')
}

function findingText(
  finding: McpFindingView,
  { paint, layout }: Pick<Cli, 'paint' | 'layout'>,
  word: string = finding.state,
): string {
  const { name, state, message, tools } = finding
  const [mark, colour] = MARKS[state]
  const said = message ? `: ${oneLine(message, LONGEST)}` : ''
  const asked = finding.hash === undefined ? '' : `, ${count(tools.length, 'tool')}`
  const advice = state === 'changed' || state === 'unapproved' ? [`→ ${adviceOn(finding)}`] : []
  const lines = [...tools.map(toolLine), ...advice.map((it) => paint('dim', it))]
  const indented = lines.map(
    (line) => `  ${layout().width === Infinity ? line : cut(line, layout().width - 2)}\n`,
  )
  return `${paint(colour, mark)} ${name}  ${word}${asked}${said}\n${indented.join('')}`
}

/** A server that was not asked is looked at before it is approved. */
const adviceOn = ({ name, hash }: McpFindingView): string =>
  hash === undefined ? `orch mcp check ${name} starts it and shows its tools` : `orch mcp approve ${name}`

const toolLine = ({ name, description }: McpFindingView['tools'][number]): string =>
  `${oneLine(name, 80)}${description ? `  ${oneLine(description, 300)}` : ''}`

export const approvedText = (servers: McpFindingView[], cli: Pick<Cli, 'paint' | 'layout'>): string =>
  servers.map((it) => findingText(it, cli, 'approved')).join('')
