import type { Argv, Env } from '../exec.ts'

/**
 * The runtime port: where an agent's process lives. `tmux` shows it in a session, `process` does without a terminal.
 * Both run the same shim (shim.sh) over the same attempt directory, so that the agent, its output and its exit
 * code survive the daemon. The screen is never a source of state.
 *
 * An attempt directory (0700) holds:
 * - `spec.sh`     what to run (argv, environment, working directory), quoted data that the shim reads
 * - `prompt.md`   the agent's prompt
 * - `in`          a FIFO, held open by the shim, that the agent reads
 * - `out.jsonl`   what the agent prints (stdout), exactly, and before the output of each later turn a line
 *                 `{"orch":"turn","turn":N}` by the shim; `err.log` what it complains about (stderr)
 * - `lease`       until when the host has the task, in whole seconds since the epoch by the clock of this machine; written by
 *                 the daemon where other hosts could take the task. When that is over, the shim ends the agent by itself
 * - `log`         the readable transcript, written by the daemon, shown in the pane
 * - `lock`        a symbolic link made by the shim that runs, to its pid and start time; a second shim ends at once. Each
 *                 later turn has one of its own, `lock.N`, so that a shim of an earlier turn that comes late takes none
 * - `setup.log`   what the set-up steps print; `shim.log` what the shim itself could not do
 * - `sent`        ids of the replies that were sent, a line each
 * - `offer.N.ID`  a word on offer to the program's hook, `taken.…` those that a hook has taken; `session` whom they are for,
 *                 `chain` how often hooks have kept the turn going (offers.ts)
 * - `started.json` `{"shim":PID,"shimStart":S,"agent":PID,"agentStart":S,"turn":N}`
 * - `exit.json`   `{"phase":"setup"|"agent","status":N,"step":N,"reason":"lease-ended","turn":N}`, by rename; these two of an earlier turn are as
 *                 good as none
 *
 * Errors: E_RUNTIME, E_PROGRAM_MISSING, E_PROGRAM_OLD, E_DISK_FULL.
 */
export interface Runtime {
  readonly name: 'tmux' | 'process'
  /** Makes sure that it can be used. @throws OrchError E_PROGRAM_MISSING, E_PROGRAM_OLD */
  ready(): Promise<void>
  /**
   * Runs the shim of a launched directory. Called twice for one turn, the agent still starts once.
   * @throws OrchError E_INVALID for an agent that wants a terminal where there is none
   */
  start(agent: string): Promise<void>
  /** Names of the agents whose session (or shim) is there now. */
  list(): Promise<Set<string>>
  /** Ends the session of an agent whose processes have ended. Gone already is no error. */
  close(agent: string): Promise<void>
  /** argv that puts a person before the agent's screen, or undefined when it has none. */
  attach(agent: string): Argv | undefined
  /** How many people are before its screen now; 0 when it has none. */
  watchers(agent: string): Promise<number>
  /** Calls `listener` when somebody came before a screen or left one. Gives the function that stops it. */
  onWatchers(listener: () => void): () => void
  /** Calls `listener` when the runtime itself dies (the tmux server was killed). Gives the function that stops it. */
  onLost(listener: () => void): () => void
  /** Lets the connection go; `end` also ends the server when no agent is left in it. */
  stop(options: { end: boolean }): Promise<void>
}

/** What the shim is to run. */
export interface LaunchSpec {
  agent: string
  argv: Argv
  /** The whole environment of the agent. */
  env: Env
  cwd: string
  /**
   * `fifo`: a conversation; `prompt`: the prompt file, then end of file; `none`: empty; `terminal`: the agent has the
   * pane for itself, in the foreground, and its hooks write out.jsonl.
   */
  stdin: 'fifo' | 'prompt' | 'none' | 'terminal'
  /** `merge`: stderr goes into out.jsonl too; `apart` (default): into err.log. */
  stderr?: 'merge' | 'apart'
  /** Kept as the file `first`; the shim writes it into the FIFO once, in the background, before the agent starts. */
  firstInput?: string
  prompt: string
  /** Further files for the directory (0600), by plain name. */
  files?: Readonly<Record<string, string>>
  limits?: ProcessLimits
  /** Until when the host has the task, in ms since the epoch by this machine's clock; absent = no other host can take it. */
  leaseUntil?: number
  /** How many words of people this process and those before it in the attempt were given; told again by the status. */
  words?: number
  /** Run one after the other before the agent, in the same place and environment; the first that fails ends the attempt. */
  setup: Argv[]
}

/** What the system itself sees to, as far as it can (docs/architecture.md tells the ladder). */
export interface ProcessLimits {
  memoryBytes?: number
  /** 100 = one whole processor. */
  cpuPercent?: number
}

export interface Exit {
  phase: 'setup' | 'agent'
  /** Exit status as the shell tells it: 128 + signal number when a signal ended it. */
  status: number
  /** Index of the set-up step that failed. */
  step?: number
  /** The shim ended it, because the host did not have the task any longer. */
  reason?: 'lease-ended'
}

/** How an attempt's directory is right now. */
export interface AttemptStatus {
  /** `ready`: spec written, no shim yet. `running`: the shim is there, in set-up or with its agent. `exited`: exit.json is there. `lost`: the shim is gone without it; what is left of the agent is an orphan that stop() sweeps. */
  state: 'absent' | 'ready' | 'running' | 'exited' | 'lost'
  exit?: Exit
  /** Which process of the attempt this is, from 1; 0 when absent. A later one goes on with the session of the one before. */
  turn: number
  /** `LaunchSpec.words` of this process. */
  words: number
  /** Bytes that the agent and the set-up steps have printed: out.jsonl, err.log and setup.log. */
  outBytes: number
}
