import { readFileSync } from 'node:fs'
import type { Driver, OutputReader } from '../../src/agent/agent.ts'
import type { Env } from '../../src/exec.ts'
import type { AgentEvent } from '../../src/journal/journal.ts'
import type { Usage } from '../../src/task/task.ts'

/** What a driver tells the contract of drivers about itself (driver.ts). */
export interface DriverCase {
  name: string
  /** As daemon/compose.ts makes it; `env` is the daemon's, with the PATH where programs are looked for. */
  make(env: Env): Driver
  streams: Streams
  /** Lines of kinds that the driver knows, in a shape that it does not. Each is noted and survived. */
  changed: readonly string[]
  /** A line of a known kind that carries this long text (output of a tool). */
  longLine(text: string): string
  launch: LaunchCase
}

/** A scenario that a program cannot play carries the reason instead. */
export type NotThere = string

export interface Streams {
  /** `good-turn`: a tool call that works, an answer, the end. */
  goodTurn: {
    session: string
    /** All but notes. */
    events: AgentEvent['type'][]
    tool: { name: string /** part of it */; input: string }
    /** Whether the program tells how long a tool took. */
    duration: 'told' | NotThere
    usage: Partial<Usage>
    summary: string
  }
  /** `tool-failure`: a tool call that fails, and an end all the same. */
  toolFailure: { name: string } | NotThere
  /** `second-turn`: the program goes on with the session of `good-turn`; usage is that of both together. */
  secondTurn: { usage: Partial<Usage>; summary: string } | NotThere
  /** `api-down`: the service answers 500 until the program gives up. */
  apiDown: 'api-error' | NotThere
  /** `login-refused`: it answers 401. */
  loginRefused: 'login-refused' | NotThere
  /** `quota`: it answers 429; `resetAt` in ms where the program tells it. */
  quota: { resetAt?: number } | NotThere
  /** `stream-cut`: the answer breaks off in the middle, until the program gives up. */
  streamCut: 'api-error' | NotThere
  /** `permission`: something is asked for, or was refused because nobody could be asked. */
  permission: 'asks' | 'notes' | NotThere
}

/** How the program was called, as the fixture wrote it down (JSON lines in the file $ORCH_TEST_CALLS). */
export interface Call {
  argv: string[]
  prompt: string
  env: Env
  cwd: string
  /** Everything that the launch put into the attempt directory and the home, by file name, as the program found it. */
  files: Readonly<Record<string, string>>
}

export interface LaunchCase {
  /** Expectations over a plain start: nothing special asked for. */
  plain(call: Call): void
  /** It goes on with `session`. */
  resumed(call: Call, session: string): void
  /** One profile each: `read`, `edits`, `all`, `ask` with tools `Read` and `Bash(git:*)`. */
  permissions: Readonly<Record<'read' | 'edits' | 'all' | 'ask', (call: Call) => void>>
  /** The model `some/model` and the prompt PROFILE_PROMPT were asked for. */
  profile(call: Call, prompt: string): void
  /** The servers of MCP_SERVERS (driver-launch.ts) were asked for. */
  mcp: ((call: Call) => void) | NotThere
  /**
   * How the prompt reaches the program's conversation. Default: exactly. A program that would read some prompt as
   * something else (a command) may get it changed in a way that the model reads the same.
   */
  promptAs?(prompt: string): string
  /** The program ends by itself when its turn has ended; `stays`: it waits for more on its standard input. */
  after: 'ends' | 'stays'
}

const STREAMS = new URL('../fixtures/streams/', import.meta.url)

export const streamOf = (name: string, scenario: string): string[] =>
  readFileSync(new URL(`${name}/${scenario}.jsonl`, STREAMS), 'utf8')
    .split('\n')
    .filter((line) => line !== '')

/** What a reader makes of lines; `outcome` is that of an exit with status 0, which says nothing. */
export function replayed(reader: OutputReader, lines: readonly string[]) {
  const events = lines.flatMap((line) => reader.line(line).events)
  return { events, told: events.filter(({ type }) => type !== 'note'), outcome: reader.outcome(ENDED) }
}

export const ENDED = { phase: 'agent', status: 0 } as const
