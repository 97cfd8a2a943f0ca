import { z } from 'zod'
import type { RunId, TaskId } from '../id.ts'

/** A task: one unit of work with a description and the proof that is asked of it. Pure data; life.ts moves it. */

export const TASK_STATES = [
  'queued',
  'leased',
  'working',
  'waiting',
  'reported',
  'verified',
  'accepted',
  'dead',
  'cancelled',
] as const
export type TaskState = (typeof TASK_STATES)[number]

/** States in which an attempt is under way and a host holds the lease. */
export const HELD_STATES = [
  'leased',
  'working',
  'waiting',
  'reported',
  'verified',
] as const satisfies TaskState[]
/** States that a task does not leave by itself. */
export const FINAL_STATES = ['accepted', 'dead', 'cancelled'] as const satisfies TaskState[]

export const isHeld = (state: TaskState): boolean => (HELD_STATES as readonly TaskState[]).includes(state)
export const isFinal = (state: TaskState): boolean => (FINAL_STATES as readonly TaskState[]).includes(state)

export type WaitingFor = 'input' | 'permission' | 'message' | 'quota'

/** Why an attempt ended without proof, or why a task waits. `code` is stable; `message` is for people. */
export interface Reason {
  code: string
  message: string
}

/** Where a repository lives, when several hosts share the store. */
export interface RepositorySource {
  /** Host on which the task was submitted, and the path of the repository there: together its identity. */
  host: string
  path: string
  /** What other hosts can get it from, without a password. */
  url?: string
  /** Whose commits they are, where the git of another host knows nobody. */
  author?: { name: string; email: string }
  /** Only its own host can take the task; says why. */
  bound?: string
}

/** What is asked. It never changes after the task was submitted. */
export interface TaskSpec {
  /**
   * Absolute path of the repository (its work tree, or the git directory of a bare one) on this host. In a store that several
   * hosts share it is `HOST:/path`; src/carry/ turns the one into the other.
   */
  repo: string
  /** Absent in a store that belongs to one host. */
  source?: RepositorySource
  title: string
  description: string
  /** Branch the work starts from and the pull request goes to. */
  base: string
  /** Branch of the task; all its attempts share it. */
  branch: string
  profile: string
  driver: string
  /** The program and its arguments, for the driver `command`. */
  argv?: string[]
  model?: string
  forge: 'local' | 'github'
  runtime: 'tmux' | 'process'
  /** The agent's own terminal interface in the pane. */
  interactive?: boolean
  /**
   * What counts as done: a pull request that the forge shows (default); commits on its branch, which the task that made it
   * brings into its own; or the answer to the request `origin.message`.
   */
  proof?: 'pull-request' | 'branch' | 'answer'
  /** The task that made this one. */
  parent?: TaskId
  /** How many tasks stand above it; absent = 0. */
  depth?: number
  /** Why it was made by a task, and the message that it is about; `transfers`: the work of that task goes on in this one. */
  origin?: {
    kind: 'delegation' | 'handoff' | 'assistance' | 'validation'
    message?: string
    transfers?: true
  }
  /** Commit that its branch starts from, instead of the newest of `base`. */
  from?: string
  /** Labels that a host must have to take it. */
  labels?: string[]
  /** Tasks that must be accepted before this one is due. */
  after?: TaskId[]
  /** Profiles whose agents must approve the work before it counts as proven. */
  validate?: string[]
  /** Higher runs first. */
  priority: number
  /** How many attempts may be made, at least 1. */
  tries: number
  /** Who pushes and opens the pull request when the agent did not: `orch` does it, `agent` means the attempt fails. */
  publish: 'orch' | 'agent'
  limits: TaskLimits
}

export interface TaskLimits {
  /** Wall time of one attempt in ms. */
  wallMs: number
  /** Bytes an agent may print in one attempt. */
  outputBytes: number
  /** Without any output for so long (ms) it counts as hung. */
  idleMs?: number
  /** Memory of all its processes, on top of what its program takes for itself. */
  memoryBytes?: number
  /** Share of processors; 100 = one whole processor. */
  cpuPercent?: number
  turns?: number
  /** Input and output together; cached input is not counted. */
  tokens?: number
  costUsd?: number
}

/** What all attempts of all tasks of a run may take together. */
export interface RunLimits {
  wallMs?: number
  tokens?: number
  costUsd?: number
}

/** Says who may write: the attempt's number and the host that holds it. A writer with an old epoch is refused. */
export interface Fence {
  taskId: TaskId
  epoch: number
  host: string
}

export interface Lease {
  host: string
  /** Time (ms since the epoch) until which the host has promised to renew. */
  until: number
}

export interface PullRequestRef {
  forge: 'local' | 'github'
  number: number
  url: string
}

/** What was asked as proof (`TaskSpec.proof`); or that the work was handed over and goes on in other tasks. */
export type Proof = WorkProof | { answer: string } | { handedTo: TaskId[] }

/** What the forge showed: the branch is there, the pull request's head is this attempt's commit, the diff is not empty, checks are green. */
export interface WorkProof {
  /** Absent when only the branch was asked for. */
  pullRequest?: PullRequestRef
  head: string
  base: string
  filesChanged: string[]
  additions: number
  deletions: number
  commits: number
  checks: { name: string; state: 'success' }[]
  /** True when Orch itself opened the pull request because the agent had not. */
  openedByOrch: boolean
  /** Results of the validations that were asked for, by their message. */
  validations?: { profile: string; message: string }[]
}

/** The work that was proven; undefined for an answer or a handoff. */
export const workOf = (proof: Proof | undefined): WorkProof | undefined =>
  proof && 'head' in proof ? proof : undefined

/** The agent's own word on its attempt. */
export interface Report {
  summary: string
}

export interface Task {
  id: TaskId
  runId: RunId
  spec: TaskSpec
  state: TaskState
  /** Number of the current or last attempt; 0 before the first. It is the fencing token. */
  epoch: number
  /** Tries used up. A quota pause or a lost host does not count; a retry by a person starts again at 0. */
  used: number
  /** Attempts lost since the last retry by a person; absent when none was. */
  losses?: number
  lease?: Lease
  /** Not to be claimed before this time: the backoff. */
  notBefore?: number
  waitingFor?: WaitingFor
  /** When a quota comes back. */
  resetAt?: number
  /** Why the last attempt failed, or why the task is dead or cancelled. */
  reason?: Reason
  report?: Report
  proof?: Proof
  createdAt: number
  updatedAt: number
}

export interface Usage {
  inputTokens: number
  outputTokens: number
  cacheReadTokens: number
  cacheWriteTokens: number
  /** US dollars, as the agent program reported them; absent when it reports none. */
  costUsd?: number
  turns: number
  toolCalls: number
}

export const NO_USAGE: Usage = {
  inputTokens: 0,
  outputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  turns: 0,
  toolCalls: 0,
}

/** One try at a task by one agent. */
export interface Attempt {
  taskId: TaskId
  runId: RunId
  epoch: number
  /** Name of the agent: unique, also the name of its tmux session and attempt directory. */
  agent: string
  host: string
  /** The agent program, which may be a fallback; absent before it was chosen. */
  driver?: string
  startedAt: number
  endedAt?: number
  /** How it ended: absent while it goes on. */
  outcome?: 'accepted' | 'failed' | 'cancelled' | 'postponed'
  reason?: Reason
  /** Commit the attempt started from. */
  from?: string
  /** Commit that holds what was in the workspace when the attempt ended without proof. */
  saved?: string
  /** The newest commit of its branch that other hosts can get (src/carry/). */
  carried?: string
  /** The agent program's own conversation id. */
  session?: string
  /** The agent's own last word, by MCP or `orch agent`. */
  word?: { done: boolean; summary: string }
  usage: Usage
  /** How far the agent's output was taken over: bytes of out.jsonl read, bytes of the readable log written. */
  cursor: { out: number; log: number }
}

export interface Run {
  id: RunId
  /** Made by the caller; submitting the same request twice gives the same run. */
  requestId: string
  repo: string
  createdAt: number
  limits?: RunLimits
}

const BRANCH =
  /^(?!\/|.*(?:\.\.|\/\/|@\{|\.lock(?:\/|$)|\/\.|\/$|\.$))[^\p{Cc}\s~^:?*[\\-][^\p{Cc}\s~^:?*[\\]*$/u
/** A branch name that git takes (git-check-ref-format(1)) and that cannot be read as an option. */
export const branchName = z.string().max(200).regex(BRANCH, 'not a branch name that git takes')
/** A label of a host, as its settings take it. */
export const labelName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,39}$/,
    'a label is 1 to 40 small letters, digits, dots, dashes and underlines',
  )
export const profileName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'a profile is named by 1 to 40 small letters, digits and dashes')
