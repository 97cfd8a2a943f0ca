import { z } from 'zod'
import { TASK_STATES } from '../task/task.ts'

/** What the API answers with: the views of task, run, pull request, event and daemon. */

const time = z.iso.datetime()

export const reasonSchema = z.object({ code: z.string(), message: z.string() })
export const pullRequestRefSchema = z.object({
  forge: z.enum(['local', 'github']),
  number: z.int(),
  url: z.string(),
})
export const usageSchema = z.object({
  inputTokens: z.number(),
  outputTokens: z.number(),
  cacheReadTokens: z.number(),
  cacheWriteTokens: z.number(),
  costUsd: z.number().optional(),
  turns: z.number(),
  toolCalls: z.number(),
})
export const proofSchema = z.object({
  /** Absent when only the branch was asked for. */
  pullRequest: pullRequestRefSchema.optional(),
  head: z.string(),
  base: z.string(),
  filesChanged: z.array(z.string()),
  additions: z.number(),
  deletions: z.number(),
  commits: z.number(),
  checks: z.array(z.object({ name: z.string(), state: z.literal('success') })),
  openedByOrch: z.boolean(),
  /** Results of the validations that were asked for. */
  validations: z.array(z.object({ profile: z.string(), message: z.string() })).optional(),
})

export const taskSchema = z.object({
  id: z.string(),
  runId: z.string(),
  repo: z.string(),
  title: z.string(),
  state: z.enum(TASK_STATES),
  driver: z.string(),
  profile: z.string(),
  base: z.string(),
  branch: z.string(),
  forge: z.enum(['local', 'github']),
  runtime: z.enum(['tmux', 'process']),
  priority: z.number(),
  /** Agent of the current or last attempt. */
  agent: z.string().optional(),
  /** The host that it is, or was, on. */
  host: z.string().optional(),
  attempt: z.int(),
  tries: z.int(),
  used: z.int(),
  waitingFor: z.string().optional(),
  resetAt: time.optional(),
  notBefore: time.optional(),
  reason: reasonSchema.optional(),
  summary: z.string().optional(),
  pullRequest: pullRequestRefSchema.optional(),
  proof: proofSchema.optional(),
  /** Message with the answer that was asked of it. */
  answer: z.string().optional(),
  /** Tasks that its work was handed over to. */
  handedTo: z.array(z.string()).optional(),
  /** The task that made it, and why. */
  parent: z.string().optional(),
  origin: z.enum(['delegation', 'handoff', 'assistance', 'validation']).optional(),
  /** Over all attempts. */
  usage: usageSchema,
  createdAt: time,
  updatedAt: time,
})
export type TaskView = z.infer<typeof taskSchema>

export const attemptSchema = z.object({
  number: z.int(),
  agent: z.string(),
  host: z.string(),
  startedAt: time,
  endedAt: time.optional(),
  outcome: z.enum(['accepted', 'failed', 'cancelled', 'postponed']).optional(),
  reason: reasonSchema.optional(),
  from: z.string().optional(),
  saved: z.string().optional(),
  session: z.string().optional(),
  usage: usageSchema,
})
/** A task with everything known of it: what `orch show` prints. */
export const taskDetailSchema = taskSchema.extend({
  description: z.string(),
  argv: z.array(z.string()).optional(),
  model: z.string().optional(),
  attempts: z.array(attemptSchema),
  workspace: z.string().optional(),
  log: z.string().optional(),
  result: z.string().optional(),
  /** What it needs (`label:gpu`, `driver:claude`) and no host that is up has, while it is queued. */
  unmet: z.array(z.string()).optional(),
  /** Labels that a host must have to take it. */
  labels: z.array(z.string()).optional(),
  /** Tasks that must be accepted before it is due and are not, while it is queued. */
  waitsFor: z.array(z.object({ id: z.string(), state: z.enum(TASK_STATES), title: z.string() })).optional(),
})
export type TaskDetail = z.infer<typeof taskDetailSchema>

export const runSchema = z.object({
  id: z.string(),
  repo: z.string(),
  createdAt: time,
  tasks: z.array(taskSchema),
})
export type RunView = z.infer<typeof runSchema>

export const breakerSchema = z.object({
  name: z.string(),
  state: z.enum(['closed', 'open', 'half-open']),
  /** In a row. */
  failures: z.int(),
  /** When one may try it again, when it is open. */
  until: time.optional(),
  /** The last failure. */
  error: z.string().optional(),
})

export const storeSchema = z.object({
  kind: z.enum(['embedded', 'redis']),
  /** Hosts with the same Redis and cluster work together. */
  cluster: z.string().optional(),
  /** Where it is; without secrets. */
  place: z.string().optional(),
  /** Only of a store that is shared. While it is down no tasks are listed and none is claimed; agents work on. */
  reach: z.object({ state: z.enum(['up', 'down']), since: time, reason: z.string().optional() }).optional(),
  /** Why the embedded store is used although another one is configured. */
  fallback: z.string().optional(),
})

/** A daemon that takes tasks of the store. */
export const hostSchema = z.object({
  name: z.string(),
  /** `stale`: it has missed three heartbeats. */
  state: z.enum(['up', 'stale']),
  /** The one that answers. */
  here: z.boolean(),
  labels: z.array(z.string()),
  /** Agent programs that are installed there; of a store of its own, all that it knows. */
  drivers: z.array(z.string()),
  agents: z.object({ running: z.int(), limit: z.int() }),
  version: z.string(),
  pid: z.int(),
  /** What ssh takes to get there. */
  address: z.string(),
  joinedAt: time,
  seenAt: time,
})

export const statusSchema = z.object({
  daemon: z.object({
    version: z.string(),
    pid: z.int(),
    host: z.string(),
    startedAt: time,
    stateDir: z.string(),
    apiUrl: z.string().optional(),
    residentBytes: z.number(),
  }),
  counts: z.record(z.enum(TASK_STATES), z.int()),
  agents: z.object({ running: z.int(), limit: z.int() }),
  /** What is held or queued, newest first, then the latest that ended. */
  tasks: z.array(taskSchema),
  store: storeSchema,
  /** All that take tasks of the store, by name; none while it cannot be reached. */
  hosts: z.array(hostSchema),
  /** What a person should know: a program missing, a store fault. */
  warnings: z.array(z.string()),
  /** Circuit breakers before agent programs, GitHub and MCP servers, by name. */
  breakers: z.array(breakerSchema),
})
export type StatusView = z.infer<typeof statusSchema>

export const eventSchema = z.object({
  seq: z.int(),
  at: time,
  type: z.string(),
  runId: z.string().optional(),
  taskId: z.string().optional(),
  epoch: z.int().optional(),
  agent: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
})
export type EventView = z.infer<typeof eventSchema>

export const checkSchema = z.object({
  name: z.string(),
  state: z.enum(['pending', 'success', 'failure']),
  required: z.boolean(),
  commit: z.string(),
  summary: z.string().optional(),
  url: z.string().optional(),
})
export const pullRequestSchema = pullRequestRefSchema.extend({
  repo: z.string(),
  state: z.enum(['open', 'merged', 'closed']),
  title: z.string(),
  body: z.string(),
  head: z.string(),
  base: z.string(),
  headCommit: z.string(),
  author: z.string(),
  createdAt: time,
  mergeCommit: z.string().optional(),
  taskId: z.string().optional(),
})
export type PullRequestView = z.infer<typeof pullRequestSchema>
export const pullRequestDetailSchema = pullRequestSchema.extend({
  checks: z.array(checkSchema),
  files: z.array(z.object({ path: z.string(), additions: z.number(), deletions: z.number() })),
})
export type PullRequestDetail = z.infer<typeof pullRequestDetailSchema>
