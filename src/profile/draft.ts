import { splitFile } from './header.ts'
import type { FoundProfile } from './profile.ts'

/** The start of a new profile: another one under a new name, and what else can be said as comments. */

/** Every key of the header beside the name, as a line that can be taken in. */
const KEYS: Record<string, string> = {
  description: 'What it is for, in one sentence.',
  capabilities: '[security, database]   # what it can be asked to do',
  driver: 'claude   # agent program; otherwise the setting `driver` decides',
  fallback:
    '[codex, gemini]   # programs for the next attempt when this one is down, out of quota or logged out',
  model: 'NAME   # as its program calls it',
  tier: 'standard   # or strong, fast: which model is taken when none is named',
  permissions: 'edits   # or read, all, ask (the rest waits for `orch permit`)',
  tools: '["Bash(git:*)", "Bash(npm test)"]   # allowed beside edits, in the words of Claude Code',
  mcp: '[memory]   # MCP servers of the configuration',
  limits: '{ memoryMegabytes: 512, wallMinutes: 60, turns: 200, costUsd: 5 }   # of one attempt',
}

/** @param from its file must be one that can be used */
export function draftProfile(name: string, from: Pick<FoundProfile, 'text'>): string {
  const { header, rest } = splitFile(from.text.replaceAll('\r\n', '\n')) ?? { header: '', rest: '' }
  const kept = header.split('\n').filter((line) => line !== '' && !/^name:/.test(line))
  const missing = Object.keys(KEYS).filter((key) => !kept.some((line) => line.startsWith(`${key}:`)))
  const comments = missing.map((key) => `# ${key}: ${KEYS[key]}`)
  return `${['---', `name: ${name}`, ...kept, ...comments, '---'].join('\n')}\n${rest.replace(/^\n?/, '')}`
}
