/**
 * Every error that a person can meet, in one catalogue: `exit` is the exit code of the command line,
 * `http` the status of the API, `fix` what to do about it. docs/errors.md lists them all, and a test
 * fails when one is missing there.
 */
export const CATALOGUE = {
  E_USAGE: { exit: 2, http: 400, fix: 'See `orch --help`.' },
  E_INVALID: { exit: 2, http: 400, fix: 'Correct the value that is named and try again.' },
  E_CONFIG: {
    exit: 2,
    http: 400,
    fix: 'Correct the file that is named; `orch config show --origin` tells where each value comes from.',
  },
  E_NOT_FOUND: { exit: 3, http: 404, fix: 'See `orch status` and `orch pr list` for what there is.' },
  E_AMBIGUOUS: { exit: 3, http: 409, fix: 'Give more characters of the id.' },
  E_STATE: { exit: 1, http: 409, fix: '`orch show TASK` tells what state the task is in and why.' },
  E_STALE: { exit: 1, http: 409, fix: 'Nothing to do: a newer attempt owns this task.' },
  E_NOT_ACCEPTED: { exit: 1, http: 409, fix: '`orch show TASK` tells why; `orch retry TASK` tries again.' },
  E_CANNOT_HEAR: {
    exit: 1,
    http: 409,
    fix: 'Only agents that hold a conversation can be spoken to (for instance claude).',
  },
  E_NOT_A_REPOSITORY: { exit: 4, http: 422, fix: 'Go to a git repository, or give one with --repo PATH.' },
  E_NO_COMMIT: { exit: 4, http: 422, fix: 'Make a first commit: git commit --allow-empty -m "Start".' },
  E_NO_BASE: { exit: 4, http: 422, fix: 'Say which branch to start from: --base BRANCH.' },
  E_NO_IDENTITY: {
    exit: 4,
    http: 422,
    fix: 'git config --global user.name "You"; git config --global user.email you@example.org',
  },
  E_GIT: {
    exit: 4,
    http: 500,
    fix: 'Run the git command that is named by hand to see more; `orch doctor` checks git.',
  },
  E_PROGRAM_MISSING: {
    exit: 4,
    http: 422,
    fix: 'Install the program that is named; `orch doctor` says how.',
  },
  E_PROGRAM_OLD: { exit: 4, http: 422, fix: 'Update the program that is named; `orch doctor` says how.' },
  E_NO_AGENT: {
    exit: 4,
    http: 422,
    fix: 'Install one of Claude Code (npm install -g @anthropic-ai/claude-code), Codex, Gemini CLI, opencode or pi; or run any program: orch run --agent command -- PROGRAM ARGS',
  },
  E_RUNTIME: { exit: 4, http: 500, fix: '`orch doctor` checks tmux; `--runtime process` does without it.' },
  E_WORKSPACE: {
    exit: 4,
    http: 500,
    fix: '`orch doctor` checks git; `orch cleanup` removes what was left behind.',
  },
  E_SETUP: {
    exit: 1,
    http: 422,
    fix: 'Correct the set-up step in .orch/config.yaml; its output is in `orch logs TASK`.',
  },
  E_FORGE: { exit: 4, http: 502, fix: '`orch doctor` checks the forge; the task is tried again by itself.' },
  E_FORGE_LOGIN: {
    exit: 4,
    http: 422,
    fix: 'gh auth login, or keep pull requests on this machine: --forge local',
  },
  E_MCP_UNAPPROVED: {
    exit: 1,
    http: 409,
    fix: '`orch mcp check NAME` shows what the server offers; `orch mcp approve NAME` lets agents have it.',
  },
  E_MCP_CHANGED: {
    exit: 1,
    http: 409,
    fix: '`orch mcp check NAME` shows what the server offers now; `orch mcp approve NAME` accepts it.',
  },
  E_MCP_FAILED: {
    exit: 4,
    http: 502,
    fix: 'Mend the server or its declaration under `mcpServers`; `orch mcp check NAME` asks it again.',
  },
  E_CONFLICT: {
    exit: 1,
    http: 409,
    fix: 'Resolve the conflict in the branch of the pull request, then merge again.',
  },
  E_HEAD_MOVED: {
    exit: 1,
    http: 409,
    fix: 'Look at the pull request again: it has other commits than those you asked to merge.',
  },
  E_CHECKS: { exit: 1, http: 409, fix: '`orch pr show N` lists the checks; mend what is red.' },
  E_STORE_LOCKED: {
    exit: 5,
    http: 503,
    fix: 'Another orchd owns this state directory: use it (`orch status`) or stop it (`orch stop`).',
  },
  E_STORE: {
    exit: 5,
    http: 500,
    fix: '`orch store check` examines the store; `orch store restore FILE` brings a backup back.',
  },
  E_STORE_DOWN: {
    exit: 5,
    http: 503,
    fix: 'Start Redis again or mend the connection: agents go on working, and orchd goes on by itself; `orch doctor` examines it.',
  },
  E_HOST_TAKEN: {
    exit: 5,
    http: 409,
    fix: 'Give this host another name (`hostName`, `orch start --host-name`), or stop the other daemon of that name.',
  },
  E_HOST_GONE: {
    exit: 5,
    http: 503,
    fix: '`orch hosts` shows which hosts there are; the tasks of one that is gone are taken over when its lease has ended.',
  },
  E_REPOSITORY_AWAY: {
    exit: 5,
    http: 503,
    fix: 'Start orchd on the host that is named, or push the repository to a remote that all hosts can reach.',
  },
  E_DISK_FULL: {
    exit: 5,
    http: 507,
    fix: 'Free some space, then `orch retry` what failed; `orch cleanup` removes old workspaces.',
  },
  E_STATE_DIR: {
    exit: 4,
    http: 500,
    fix: 'Make the directory writable, or set ORCH_STATE_DIR to a short path of your own.',
  },
  E_DAEMON: {
    exit: 5,
    http: 503,
    fix: 'Look at the end of the daemon log that is named, then `orch start`.',
  },
  E_UNAUTHORIZED: {
    exit: 5,
    http: 401,
    fix: 'Send the token of the state directory: Authorization: Bearer …',
  },
  E_FORBIDDEN: { exit: 5, http: 403, fix: 'Call the API from this machine, by a loopback name.' },
  E_TOO_LARGE: { exit: 2, http: 413, fix: 'Send less; docs/api.md gives the limits.' },
  E_MAILBOX_FULL: {
    exit: 1,
    http: 429,
    fix: 'Wait until its reader has read some, then send again; `orch messages --to NAME` shows what waits.',
  },
  E_LIMIT: {
    exit: 1,
    http: 409,
    fix: 'Do the rest yourself, or raise the setting that is named.',
  },
  E_BUSY: { exit: 1, http: 429, fix: 'Wait for as long as the message says, then try again.' },
  E_TIMEOUT: { exit: 1, http: 504, fix: 'Try again, or raise the limit that is named.' },
  E_INTERNAL: {
    exit: 70,
    http: 500,
    fix: 'This is a bug in Orch. Please report it with the lines around it in the central log.',
  },
} as const satisfies Record<string, { exit: number; http: number; fix: string }>

export type ErrorCode = keyof typeof CATALOGUE

export interface ErrorOptions {
  /** What to do about it, when something better is known than the catalogue's own line. */
  fix?: string
  cause?: unknown
  /** Facts for programs; must be JSON and free of secrets. */
  details?: Record<string, unknown>
}

/** What crosses the API and what `--json` prints. */
export interface ErrorBody {
  code: ErrorCode
  message: string
  fix: string
  details?: Record<string, unknown>
}

export class OrchError extends Error {
  readonly code: ErrorCode
  readonly fix: string
  readonly details: Record<string, unknown> | undefined

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.name = 'OrchError'
    this.code = code
    this.fix = options.fix ?? CATALOGUE[code].fix
    this.details = options.details
  }

  get exit(): number {
    return CATALOGUE[this.code].exit
  }

  get http(): number {
    return CATALOGUE[this.code].http
  }

  toBody(): ErrorBody {
    const { code, message, fix, details } = this
    return details ? { code, message, fix, details } : { code, message, fix }
  }

  static fromBody(body: ErrorBody): OrchError {
    const code = body.code in CATALOGUE ? body.code : 'E_INTERNAL'
    return new OrchError(code, body.message, { fix: body.fix, details: body.details })
  }
}

/** Any thrown value as an OrchError; what Orch did not throw itself is E_INTERNAL, or E_DISK_FULL when it says so. */
export function toOrchError(error: unknown): OrchError {
  if (error instanceof OrchError) return error
  const code = (error as { code?: unknown } | null)?.code
  const message = error instanceof Error ? error.message : String(error)
  return new OrchError(code === 'ENOSPC' ? 'E_DISK_FULL' : 'E_INTERNAL', message, { cause: error })
}
