import type { Argv, Env } from '../exec.ts'
import type { AgentEvent } from '../journal/journal.ts'
import type { McpServer } from '../mcp-servers/mcp-servers.ts'
import type { Profile } from '../profile/profile.ts'
import type { Exit } from '../runtime/runtime.ts'
import type { Reason, TaskSpec } from '../task/task.ts'

/**
 * The driver port: knows one agent program. It says how to start it, translates what it prints into the few events of
 * the journal, and says what came of it. Adding a program is one file here and one line in daemon/.
 */
export interface Driver {
  readonly name: string
  /**
   * How people speak to a running agent (`orch say`):
   * - `live`: at any time, on its standard input;
   * - `turns`: when its turn has ended, on the standard input of the program that is still there (ACP);
   * - `processes`: when its turn, and with it the program, has ended, as the prompt of a new process that goes on with the
   *   session in the same attempt;
   * - `none`.
   */
  readonly conversation: 'live' | 'turns' | 'processes' | 'none'
  /** It runs the program that the task names (`TaskSpec.argv`); so it is never taken by itself. */
  readonly takesProgram?: true
  /** Whether a new process can go on with the session of one that has ended (`LaunchOrder.session`). */
  readonly resumes: boolean
  /** The usage it tells is that of the whole session, also of earlier attempts that it goes on from. */
  readonly tellsSessionUsage?: true
  /** Whether Orch commits what the agent left uncommitted before it looks for proof. */
  readonly commitsLeftovers: boolean
  /** Memory that the program takes for itself when it does nothing, in MB; the limit comes on top of it. */
  readonly footprintMegabytes: number
  /** Where the program is and its version; undefined when it is not installed. */
  detect(): Promise<{ program: string; version: string } | undefined>
  /** @throws OrchError E_NO_AGENT, E_PROGRAM_MISSING, E_INVALID */
  launch(order: LaunchOrder): Promise<Launch>
  /**
   * A reader of one attempt's output; it is given every line in order, also those of before a restart or of earlier turns.
   * `order`: what the latest launch put into the file `NAME-order.json` for it, when it did (a prompt that it sends itself).
   */
  reader(order?: string): OutputReader
  /** One message to a running agent as the bytes for its standard input. `id` names it; the reader tells it again when it was heard. */
  say(text: string, to: { session?: string; id: string }): string
  /** Bytes for the standard input that end the turn but not the program. Without it a turn is interrupted by ending the processes. */
  interrupt?(to: { session?: string }): string
  /** Bytes for the standard input that answer the permission question `id`. */
  permit?(question: string, allowed: boolean): string
  /** The program's own terminal interface; absent when it has none that Orch can follow. */
  readonly interactive?: Pick<Driver, 'launch' | 'reader'> & {
    /**
     * Its hook for a turn's end hands over what is on offer (`AttemptDirectories.offer`), and the turn goes on: at most so
     * many bytes at once, of more it would show its model a part.
     */
    readonly mostOffered?: number
  }
}

export interface LaunchOrder {
  task: TaskSpec
  prompt: string
  /** The agent's working directory: a worktree of `task.repo`. */
  workspace: string
  /** Directory of the attempt (0700): `Launch.files` are put there. */
  directory: string
  /** A directory (0700) that all attempts of the task share, for a private copy of the program's settings. */
  home: string
  profile: Profile
  /** MCP servers for it, Orch's own among them. */
  mcp: readonly McpServer[]
  /** The agent's whole environment but what the launch adds. */
  env: Env
  /** Set-up steps run first: they may bring the program into the workspace. */
  setUpFirst?: boolean
  /** Conversation of an earlier process or attempt to go on with; then `prompt` is its next turn. */
  session?: string
}

export interface Launch {
  argv: Argv
  /** Added to the clean environment. */
  env: Env
  /** `terminal`: it has the pane for itself, and out.jsonl is what its hooks tell. */
  stdin: 'fifo' | 'prompt' | 'none' | 'terminal'
  /** `merge`: stderr goes where stdout goes; `apart`: it is kept for the reason of a failure. */
  stderr: 'merge' | 'apart'
  /** Written to the FIFO by the shim, once, at the start. */
  firstInput?: string
  /** Files for the attempt directory (0600), by plain file name that begins with the driver's name. */
  files?: Readonly<Record<string, string>>
}

export interface OutputReader {
  /** What one line of output means. It never throws: a line that is not understood is a `note`. */
  line(line: string): Heard
  /** After the lines of before a restart: the replies that the program may still wait for. */
  owed?(): Reply[]
  /**
   * What came of it. Called after each piece of output, with the exit status and the tail of stderr once the program
   * has ended. `undefined` = the turn goes on.
   */
  outcome(exit?: Exit, stderr?: string): Outcome | undefined
  /**
   * Ids of the words (`Driver.say`) that the program has read, where it tells that; undefined while it is not known
   * whether it tells. A word that is not among them keeps the attempt going.
   */
  heard?(): ReadonlySet<string> | undefined
  /** Ids of what hooks of this process have handed to the program, also of what it may not have read yet. */
  taken?(): ReadonlySet<string>
  /** A new process goes on in this attempt: what the one before said of its end no longer counts, what it used does. */
  nextProcess(): void
}

export interface Heard {
  events: AgentEvent[]
  /** Readable text for the transcript, without control characters. */
  text?: string
  /** To be written on the program's standard input. */
  replies?: Reply[]
}

export interface Reply {
  /** Unique in the attempt. */
  id: string
  text: string
  /** Never to be sent twice (a prompt); others are sent again after a crash when in doubt. */
  once?: boolean
}

/** `reported` is the agent's word that it is done; everything else is no end, or a failed attempt with its reason. */
export type Outcome =
  | { kind: 'reported'; summary: string }
  /** The account's quota is used up until `resetAt` (ms since the epoch): a pause that uses up no try. */
  | { kind: 'quota'; resetAt?: number; message: string }
  /** `final`: no further try can help (no login, no such model). `session-gone`: the session cannot be gone on with. */
  | { kind: 'failed'; reason: Reason; final?: boolean }

/** How a note begins that tells of a permission that was refused: why work may be missing. */
export const REFUSED = 'permission was refused for'
