import type { Argv, Env } from '../exec.ts'
import type { AgentEvent } from '../journal/journal.ts'
import type { Exit } from '../runtime/runtime.ts'
import type { Reason, TaskSpec } from '../task/task.ts'

/**
 * The driver port: knows one agent program. It says how to start it, translates what it prints into the few
 * events of the journal, and says at the end what came of it. Adding a program is one file here and one line in daemon/.
 */
export interface Driver {
  readonly name: string
  /** Whether people may speak to a running agent (`orch say`). */
  readonly conversational: boolean
  /** Whether Orch commits what the agent left uncommitted before it looks for proof. */
  readonly commitsLeftovers: boolean
  /** Where the program is and its version; undefined when it is not installed. */
  detect(): Promise<{ program: string; version: string } | undefined>
  launch(order: LaunchOrder): Promise<Launch>
  /** A reader of one attempt's output; it is given every line in order, also those of before a restart. */
  reader(): OutputReader
  /** One message to a running agent as the bytes for its FIFO. */
  say(text: string): string
}

export interface LaunchOrder {
  task: TaskSpec
  prompt: string
  /** The agent's working directory. */
  workspace: string
  /** PATH the agent will have, when it differs from the daemon's. */
  searchPath?: string
  profile: AgentProfile
  /** Set-up steps run first: they may bring the program into the workspace. */
  setUpFirst?: boolean
  /** Conversation of an earlier attempt to go on with. */
  session?: string
}

export interface Launch {
  argv: Argv
  /** Added to the clean environment. */
  env: Env
  stdin: 'fifo' | 'prompt' | 'none'
  /** `merge`: stderr goes where stdout goes; `apart`: it is kept for the reason of a failure. */
  stderr: 'merge' | 'apart'
  /** Written to the FIFO by the shim, once, at the start. */
  firstInput?: string
}

export interface OutputReader {
  /** Events in one line of output, and the readable text for the transcript (without control characters), if any. */
  line(line: string): { events: AgentEvent[]; text?: string }
  /**
   * What came of it. Called after a `turn.ended` with no exit yet, or with the exit status and the tail of stderr.
   * `undefined` = not finished.
   */
  outcome(exit?: Exit, stderr?: string): Outcome | undefined
  /**
   * How many of the messages that people sent (`say`) the program has read, for programs that tell it. A word that is
   * still on its way keeps the attempt going.
   */
  heard?(): number | undefined
}

/** `reported` is the agent's word that it is done; everything else is a failed attempt with its reason. */
export type Outcome =
  | { kind: 'reported'; summary: string }
  /** `final`: no further try can help (no login, no such model). */
  | { kind: 'failed'; reason: Reason; final?: boolean }

/** A kind of agent. */
export interface AgentProfile {
  name: string
  prompt?: string
  model?: string
  permissionMode: string
  allowedTools: string[]
}
