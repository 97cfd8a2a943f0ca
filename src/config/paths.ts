import { join } from 'node:path'

/** Every place below the state directory (0700). Nothing of Orch's lives anywhere else. */
export interface Paths {
  state: string
  /** The store's file. */
  store: string
  /** Unix socket of the API; its path must be shorter than 100 bytes. */
  socket: string
  /** Port of the loopback API, when there is one: `{"port":N}`. */
  apiPort: string
  token: string
  /** Names this directory among those of other hosts. Made once. */
  instance: string
  /** What the tokens of agents are signed with. */
  agentSecret: string
  /** Port of the MCP endpoint: `{"port":N}`. It stays the same over restarts. */
  mcpPort: string
  /** Socket and configuration of the private tmux server. */
  tmuxSocket: string
  tmuxConfig: string
  /** One directory an attempt, named by the agent. */
  attempts: string
  /** `<repository id>/<task id>`. */
  worktrees: string
  /** `<task id>`: private copies of the settings of agent programs, and their conversations. */
  homes: string
  /** What is to be deleted, when there is time. */
  trash: string
  /** `<repository id>/repo.git`: the daemon's own bare repositories. */
  forge: string
  /** `<repository id>`: repositories of other hosts. */
  clones: string
  /** `<run id>/<agent>.json`. */
  results: string
  /** `<run id>/env.json`: what the caller's shell gave for the agents of a run. */
  runs: string
  /** What MCP servers showed when they were approved. */
  mcpPins: string
  log: string
  /** What the daemon itself printed: why it did not start, or why it crashed. */
  output: string
}

export function pathsIn(state: string): Paths {
  const at = (...parts: string[]) => join(state, ...parts)
  return {
    state,
    store: at('store', 'orch.db'),
    socket: at('run', 'orchd.sock'),
    apiPort: at('run', 'api.json'),
    token: at('run', 'token'),
    instance: at('instance'),
    agentSecret: at('run', 'agent-secret'),
    mcpPort: at('run', 'mcp.json'),
    tmuxSocket: at('run', 'tmux.sock'),
    tmuxConfig: at('run', 'tmux.conf'),
    attempts: at('attempts'),
    worktrees: at('worktrees'),
    homes: at('homes'),
    trash: at('trash'),
    forge: at('forge'),
    clones: at('clones'),
    results: at('results'),
    runs: at('runs'),
    mcpPins: at('mcp-pins.json'),
    log: at('orchd.log'),
    output: at('orchd.out'),
  }
}
