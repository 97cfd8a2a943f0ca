import type { AgentProfile } from '../agent/agent.ts'
import type { ProjectConfig } from '../config/schema.ts'

/** The profile of that name: what the configuration says over what is built in. */
export function profileOf(settings: ProjectConfig, name: string): AgentProfile {
  return { name, permissionMode: 'acceptEdits', allowedTools: ['Bash'], ...settings.profiles[name] }
}
