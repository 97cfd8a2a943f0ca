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

/** A server as it is declared, without asking it anything. */
export interface McpDeclared {
  server: McpServer
  /** Whose file declares it. */
  origin: 'user' | 'project'
  /** Whether agents may have it: `outdated` when it is declared otherwise than when it was approved. */
  approval: 'none' | 'approved' | 'outdated'
  /** When it was approved (ISO 8601), and how many tools it had then. */
  approvedAt?: string
  tools?: number
}

/**
 * A server that the repository's own file declares is other people's word: it is neither started nor called before a
 * person has approved it. One of the user's own file is trusted when it is used first. Both are pinned from then on.
 */
export interface McpServers {
  /** All that are declared for the repository (only the user's own without one). Starts nothing. @throws OrchError E_CONFIG */
  list(repo: string | undefined): Promise<McpDeclared[]>
  /**
   * The servers of these names as they are declared for the repository, each checked against its pin; started to be asked
   * when that was not done lately. @throws OrchError E_INVALID (unknown name), E_MCP_UNAPPROVED, E_MCP_CHANGED, E_MCP_FAILED
   */
  ready(repo: string, names: readonly string[], env: Env): Promise<McpServer[]>
  /**
   * Starts and asks each now, changes nothing. Without names it is all that are declared, and of these no server is
   * started that a repository declares and nobody approved. @throws OrchError E_INVALID (unknown name)
   */
  check(repo: string | undefined, names: readonly string[], env: Env): Promise<McpFinding[]>
  /** Pins what each shows now: all of them or, when one fails, none. @throws OrchError E_INVALID, E_MCP_FAILED */
  approve(repo: string | undefined, names: readonly string[], env: Env): Promise<McpFinding[]>
  /** Ends servers that a daemon before left running when it was killed while it asked them. */
  endLeftovers(): Promise<void>
  /** Forgets what was approved, so that it is asked again. Gives how many there were. @throws OrchError E_INVALID */
  revoke(repo: string | undefined, names: readonly string[]): Promise<number>
}
