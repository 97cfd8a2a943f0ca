import type { McpServer } from '../../mcp-servers/mcp-servers.ts'
import type { Profile } from '../../profile/profile.ts'

/** A profile's permissions as the options of Claude Code. */

const READS = ['Read', 'Grep', 'Glob', 'LS', 'NotebookRead', 'WebFetch', 'WebSearch', 'TodoWrite']
const WRITES = ['Edit', 'MultiEdit', 'Write', 'NotebookEdit']

/**
 * Nobody is before the program: what neither the mode nor a rule allows is refused, and with `ask` a question on its
 * standard output. Not `plan` for reading: with a rule for Bash it runs every command all the same.
 */
export function permissionOptions({ permissions, tools }: Profile, mcp: readonly McpServer[]): string[] {
  switch (permissions) {
    case 'read':
      return [
        ...['--permission-mode', 'default'],
        ...allow([...tools.filter(isReading), ...mcp.filter(isOrch).map(rule)]),
        ...['--disallowedTools', WRITES.join(',')],
      ]
    case 'edits':
      return ['--permission-mode', 'acceptEdits', ...allow([...tools, ...mcp.map(rule)])]
    case 'ask':
      return [
        ...['--permission-mode', 'acceptEdits'],
        ...allow([...tools, ...mcp.map(rule)]),
        ...['--permission-prompt-tool', 'stdio'],
      ]
    case 'all':
      return ['--permission-mode', 'bypassPermissions', ...allow([...tools, ...mcp.map(rule)])]
  }
}

const isReading = (tool: string): boolean => READS.includes(tool.replace(/\(.*/s, ''))
const isOrch = ({ name }: McpServer): boolean => name === 'orch'
/** All tools of a server. */
const rule = ({ name }: McpServer): string => `mcp__${name}`
const allow = (rules: string[]): string[] => (rules.length > 0 ? ['--allowedTools', rules.join(',')] : [])
