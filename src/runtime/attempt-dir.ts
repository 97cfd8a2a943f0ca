import type { AttemptStatus, LaunchSpec } from './runtime.ts'

/** The attempt directories: what the daemon does with them; shim.sh is the other side. Safe to call again after a crash. */
export interface AttemptDirectories {
  path(agent: string): string
  /** Writes everything the shim needs, `spec.sh` last and by rename. A directory whose lock is taken is left as it is. */
  prepare(spec: LaunchSpec): Promise<void>
  status(agent: string): Promise<AttemptStatus>
  /** Writes to the agent's FIFO. @throws OrchError E_CANNOT_HEAR when nothing holds it open. */
  send(agent: string, text: string): Promise<void>
  /** Bytes of out.jsonl from `from`, at most `maxBytes`; empty at the end or when there is none. */
  read(agent: string, from: number, maxBytes: number): Promise<Buffer>
  /** Cuts the readable log to `at` bytes, appends `text`, gives the new length. */
  appendLog(agent: string, at: number, text: string): Promise<number>
  readLog(agent: string, from: number, maxBytes: number): Promise<Buffer>
  /** The last bytes of err.log as text without control characters. */
  errors(agent: string, maxBytes: number): Promise<string>
  /** Calls `changed` soon after anything in the directory changed. Gives the function that stops it. */
  watch(agent: string, changed: () => void): () => void
  /**
   * Ends the agent: TERM to its process group and to every process that carries its mark (ORCH_AGENT=name), KILL after
   * `graceMs`, until none is left. The shim then writes exit.json. Gives how many processes needed KILL.
   */
  stop(agent: string, graceMs: number): Promise<{ killed: number }>
  list(): Promise<string[]>
  remove(agent: string): Promise<void>
}
export type { AttemptStatus, LaunchSpec }
