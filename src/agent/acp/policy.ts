import type { Profile } from '../../profile/profile.ts'
import type { PermissionRequest, RpcId, ToolCallUpdate } from './messages.ts'

/** How a profile's permissions answer an agent that asks whether it may use a tool. */
export type Verdict = 'allow' | 'reject' | 'ask'

/** Only looking. */
const READS = ['read', 'search', 'think']
const EDITS = ['edit', 'delete', 'move']
/** Tools in the words of profiles, by the kinds of ACP. */
const KINDS: Record<string, string[]> = {
  Bash: ['execute'],
  Edit: EDITS,
  Write: EDITS,
  MultiEdit: EDITS,
  Read: ['read'],
  Grep: ['search'],
  Glob: ['search'],
  WebFetch: ['fetch'],
  WebSearch: ['fetch'],
}

/** @param tool what is known of the tool call that is asked for. @param servers MCP servers of the profile. */
export function judgePermission(
  { permissions, tools }: Pick<Profile, 'permissions' | 'tools'>,
  tool: ToolCallUpdate,
  servers: readonly { name: string }[],
): Verdict {
  const kind = tool.kind ?? 'other'
  if (permissions === 'all' || READS.includes(kind) || isOf(tool, [{ name: 'orch' }])) return 'allow'
  if (permissions === 'read') return 'reject'
  const allowed =
    EDITS.includes(kind) || isOf(tool, servers) || tools.some((rule) => covers(rule, tool, kind))
  return allowed ? 'allow' : permissions === 'ask' ? 'ask' : 'reject'
}

/** Agents name a tool of an MCP server in many ways: `mcp_orch_get_task`, `orch_get_task`, `get_task (orch MCP Server)`. */
function isOf(tool: ToolCallUpdate, servers: readonly { name: string }[]): boolean {
  if (tool.kind && tool.kind !== 'other') return false
  const names = [tool.name, tool.title, tool.toolCallId].map((it) => it ?? '')
  return servers.some(({ name: server }) => {
    const start = new RegExp(`^(mcp_+)?${server}(_|\\.|:|/)`)
    return names.some((it) => start.test(it) || it.includes(`(${server} MCP Server)`))
  })
}

/** `Bash(git:*)` covers commands that begin with `git` and do nothing beside it. */
function covers(rule: string, tool: ToolCallUpdate, kind: string): boolean {
  const [, name = rule, pattern] = /^(\w+)\((.*)\)$/.exec(rule) ?? []
  if (!KINDS[name]?.includes(kind)) return name === tool.name
  if (pattern === undefined || pattern === '*') return true
  if (name !== 'Bash') return false // patterns of paths are not known here: rather too little than too much
  const command = commandOf(tool)
  if (/[;&|<>`$()\n\\]/.test(command)) return false
  if (!pattern.endsWith(':*')) return command === pattern
  const begin = pattern.slice(0, -2)
  return command === begin || command.startsWith(`${begin} `)
}

/** The shell command, or what the agent calls it. */
export function commandOf(tool: ToolCallUpdate): string {
  const input = (typeof tool.rawInput === 'object' && tool.rawInput !== null ? tool.rawInput : {}) as Record<
    string,
    unknown
  >
  return typeof input.command === 'string' ? input.command : (tool.title ?? '')
}

/**
 * A question with what its answer takes, so that a daemon that did not hear it asked can answer.
 * @param process of the attempt: each counts its requests anew.
 */
export function questionOf(process: number, id: RpcId, { options }: PermissionRequest): string {
  const answers = [optionFor(options, 'allow') ?? null, optionFor(options, 'reject') ?? null]
  return Buffer.from(JSON.stringify([process, id, ...answers])).toString('base64url')
}

/** The agent's request and the option that answers it; undefined for what is no question of ours. */
export function answerTo(question: string, allowed: boolean): { id: RpcId; option?: string } | undefined {
  try {
    const [, id, allow, reject] = JSON.parse(Buffer.from(question, 'base64url').toString())
    return { id, option: (allowed ? allow : reject) ?? undefined }
  } catch {
    return undefined
  }
}

/** Once rather than always: the next one is asked again. */
export function optionFor(
  options: PermissionRequest['options'],
  answer: 'allow' | 'reject',
): string | undefined {
  const of = (kind: string) => options.find((it) => it.kind === kind)?.optionId
  return of(`${answer}_once`) ?? of(`${answer}_always`)
}
