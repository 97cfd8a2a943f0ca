import type { Profile } from '../../profile/profile.ts'

/**
 * What a profile permits, as Gemini CLI's approval mode and a file of its policy engine (docs/reference/policy-engine.md
 * of the program). Nobody is there to be asked: what would need an answer is refused by the program itself.
 */
export interface Policy {
  mode: 'default' | 'auto_edit' | 'yolo'
  /** TOML; absent when the mode says it all. */
  rules?: string
}

export function policyOf({ permissions, tools }: Pick<Profile, 'permissions' | 'tools'>): Policy {
  if (permissions === 'all') return { mode: 'yolo' }
  // Its own plan mode can be left by the model when nobody is there to be asked, so reading is a policy.
  if (permissions === 'read') return { mode: 'default', rules: READ_ONLY.map(toml).join('\n') }
  return { mode: 'auto_edit', rules: tools.flatMap(ruleOf).map(toml).join('\n') }
}

type Rule = Record<string, string | number | boolean | readonly string[]>

/** 999 is the highest of the person's tier: also what they once allowed for good is refused. */
const READ_ONLY: Rule[] = [
  {
    toolName: [
      'write_file',
      'replace',
      'run_shell_command',
      'activate_skill',
      'enter_plan_mode',
      'exit_plan_mode',
    ],
    decision: 'deny',
    priority: 999,
  },
  { toolName: '*', mcpName: 'orch', decision: 'allow', priority: 998 },
  { toolName: '*', mcpName: '*', decision: 'deny', priority: 997 },
]

/** Names of Claude Code that mean something else than edits and reading, which need no rule. */
const NAMES: Record<string, string> = {
  WebFetch: 'web_fetch',
  WebSearch: 'google_web_search',
  Skill: 'activate_skill',
  Task: 'invoke_agent',
}
/** Below 999, so that what a person forbids for good stays forbidden. */
const allow = { decision: 'allow', priority: 500 }

function ruleOf(tool: string): Rule[] {
  const [, name = tool, pattern] = /^(\w+)\((.*)\)$/s.exec(tool) ?? []
  if (name === 'Bash') return [{ toolName: 'run_shell_command', ...commandOf(pattern), ...allow }]
  if (pattern !== undefined) return [] // patterns of paths are not known there: rather too little than too much
  if (NAMES[name]) return [{ toolName: NAMES[name], ...allow }]
  return /^[a-z][a-z0-9_]*$/.test(name) ? [{ toolName: name, ...allow }] : []
}

/** `git:*` = commands that begin so; anything else = exactly this command. Only the whole shell may redirect its output. */
function commandOf(pattern?: string): Rule {
  if (pattern === undefined || pattern === '*') return { allowRedirection: true }
  const begin = /^(.*?)(?::| )\*$/s.exec(pattern)?.[1]
  return begin === undefined
    ? { commandRegex: `${escaped(JSON.stringify(pattern).slice(1))}` }
    : { commandPrefix: begin }
}

/** The program tests the command as JSON, so the closing quote ends it. */
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/** A JSON string is a TOML string too. */
const toml = (rule: Rule) =>
  `[[rule]]\n${Object.entries(rule)
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}\n`)
    .join('')}`
