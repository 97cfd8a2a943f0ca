import type { Argv, Env } from '../exec.ts'

/**
 * MCP servers that agents are given by their profile. Declared once in the configuration (`mcpServers`), translated by
 * each driver to its program's own format. Secrets are named, never written: a variable's name stands for its value.
 */
export type McpServer = McpCommand | McpUrl

/** Started by the agent program, spoken to over standard input and output. */
export interface McpCommand {
  name: string
  command: Argv
  /** Names of variables that it gets from the agent's environment, beside PATH and HOME. */
  env: string[]
}

/** Spoken to over Streamable HTTP. */
export interface McpUrl {
  name: string
  url: string
  /** Variable that holds the bearer token. */
  bearer?: string
  /** Header name → variable that holds its value. */
  headers: Record<string, string>
}

/** What a server showed when it was asked. */
export interface McpFinding {
  name: string
  state: 'ready' | 'changed' | 'unapproved' | 'failed'
  tools: { name: string; description?: string }[]
  /** SHA-256 over the declaration and the schemas of its tools. */
  hash?: string
  /** Why it failed, or what changed. */
  message?: string
}

export interface McpServers {
  /**
   * The servers of these names as they are declared for the repository, each checked against its pin; started to be asked
   * when that was not done lately. @throws OrchError E_INVALID (unknown name), E_MCP_UNAPPROVED, E_MCP_CHANGED, E_MCP_FAILED
   */
  ready(repo: string, names: readonly string[], env: Env): Promise<McpServer[]>
  /** Starts and asks each (all declared when `names` is empty), changes nothing. */
  check(repo: string | undefined, names: readonly string[], env: Env): Promise<McpFinding[]>
  /** Pins what each shows now. @throws OrchError E_MCP_FAILED */
  approve(repo: string | undefined, names: readonly string[], env: Env): Promise<McpFinding[]>
}
