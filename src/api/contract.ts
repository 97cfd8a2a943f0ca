import { z } from 'zod'
import { branchName, profileName, TASK_STATES } from '../task/task.ts'

/**
 * The API: every request and answer as a schema. The server checks what comes in, `--json` prints what goes out;
 * docs/api.md is made from it. Adding a field keeps SCHEMA_VERSION, changing or removing one raises it.
 */
export const SCHEMA_VERSION = 1

const id = z.string().regex(/^[rt]-[0-9a-z]{1,40}$/, 'an id looks like t-4kq8…')
const time = z.iso.datetime()
const absolutePath = z
  .string()
  .max(4_096)
  .regex(/^\/[^\0]*$/, 'an absolute path')
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'no NUL characters')

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
  pullRequest: pullRequestRefSchema,
  head: z.string(),
  base: z.string(),
  filesChanged: z.array(z.string()),
  additions: z.number(),
  deletions: z.number(),
  commits: z.number(),
  checks: z.array(z.object({ name: z.string(), state: z.literal('success') })),
  openedByOrch: z.boolean(),
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
  outcome: z.enum(['accepted', 'failed', 'cancelled']).optional(),
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
})
export type TaskDetail = z.infer<typeof taskDetailSchema>

export const runSchema = z.object({
  id: z.string(),
  repo: z.string(),
  createdAt: time,
  tasks: z.array(taskSchema),
})
export type RunView = z.infer<typeof runSchema>

/** One task as a person asks for it; what is left out comes from the configuration. */
export const newTaskSchema = z.strictObject({
  description: text(200_000).min(1),
  title: text(200).min(1).optional(),
  base: branchName.optional(),
  profile: profileName.optional(),
  driver: z
    .string()
    .regex(/^[a-z0-9-]{1,40}$/)
    .optional(),
  argv: z.array(text(100_000)).max(1_000).optional(),
  model: text(100).optional(),
  forge: z.enum(['auto', 'local', 'github']).optional(),
  runtime: z.enum(['tmux', 'process']).optional(),
  publish: z.enum(['orch', 'agent']).optional(),
  priority: z.int().min(-1_000).max(1_000).optional(),
  tries: z.int().min(1).max(100).optional(),
  wallMinutes: z.number().positive().max(10_080).optional(),
})
export type NewTaskRequest = z.infer<typeof newTaskSchema>

export const submitSchema = z.strictObject({
  requestId: z
    .string()
    .min(8)
    .max(100)
    .regex(/^[\w-]+$/),
  repo: absolutePath,
  tasks: z.array(newTaskSchema).min(1).max(1_000),
  /** Variables of the caller's shell for the agents; kept out of journal and logs. */
  env: z.record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), text(32_768)).default({}),
})
export type SubmitRequest = z.input<typeof submitSchema>

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
  /** What a person should know: a program missing, a store fault, a breaker open. */
  warnings: z.array(z.string()),
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

const none = z.object({})
const byId = z.object({ id })
const inRepo = z.object({ repo: absolutePath })
const byNumber = z.object({ number: z.coerce.number().int().positive() })
const forgeChoice = z.object({ forge: z.enum(['auto', 'local', 'github']).optional() })

interface Shape {
  method: 'GET' | 'POST'
  path: string
  params?: z.ZodType
  query?: z.ZodType
  body?: z.ZodType
  answer: z.ZodType
}
const route = <const S extends Shape>(shape: S): S => shape

/** Every verb that answers once. `GET /v1/events` (server-sent events) stands beside them, see eventsQuery. */
export const routes = {
  health: route({
    method: 'GET',
    path: '/v1/health',
    answer: z.object({ ok: z.literal(true), version: z.string(), pid: z.int() }),
  }),
  status: route({
    method: 'GET',
    path: '/v1/status',
    query: z.object({ repo: absolutePath.optional() }),
    answer: statusSchema,
  }),
  submit: route({ method: 'POST', path: '/v1/runs', body: submitSchema, answer: runSchema }),
  runs: route({
    method: 'GET',
    path: '/v1/runs',
    query: z.object({ limit: z.coerce.number().int().min(1).max(1_000).default(50) }),
    answer: z.object({ runs: z.array(runSchema) }),
  }),
  run: route({ method: 'GET', path: '/v1/runs/:id', params: byId, answer: runSchema }),
  /** `id` may be the beginning of an id, or an agent's name. */
  task: route({
    method: 'GET',
    path: '/v1/tasks/:id',
    params: z.object({ id: z.string().min(1).max(64) }),
    answer: taskDetailSchema,
  }),
  cancel: route({ method: 'POST', path: '/v1/tasks/:id/cancel', params: byId, answer: taskSchema }),
  retry: route({ method: 'POST', path: '/v1/tasks/:id/retry', params: byId, answer: taskSchema }),
  say: route({
    method: 'POST',
    path: '/v1/tasks/:id/say',
    params: byId,
    body: z.strictObject({ text: text(100_000).min(1) }),
    answer: none,
  }),
  /** The readable transcript of the current or last attempt from byte `from`; `next` is where to go on. */
  log: route({
    method: 'GET',
    path: '/v1/tasks/:id/log',
    params: byId,
    query: z.object({
      from: z.coerce.number().int().min(0).default(0),
      attempt: z.coerce.number().int().min(1).optional(),
    }),
    answer: z.object({ text: z.string(), next: z.int(), ended: z.boolean() }),
  }),
  attach: route({
    method: 'GET',
    path: '/v1/tasks/:id/attach',
    params: byId,
    answer: z.object({ argv: z.array(z.string()).min(1) }),
  }),
  pulls: route({
    method: 'GET',
    path: '/v1/pulls',
    query: inRepo.extend({ ...forgeChoice.shape, state: z.enum(['open', 'merged', 'closed']).optional() }),
    answer: z.object({ pulls: z.array(pullRequestSchema) }),
  }),
  pull: route({
    method: 'GET',
    path: '/v1/pulls/:number',
    params: byNumber,
    query: inRepo.extend(forgeChoice.shape),
    answer: pullRequestDetailSchema,
  }),
  diff: route({
    method: 'GET',
    path: '/v1/pulls/:number/diff',
    params: byNumber,
    query: inRepo.extend(forgeChoice.shape),
    answer: z.object({ diff: z.string() }),
  }),
  merge: route({
    method: 'POST',
    path: '/v1/pulls/:number/merge',
    params: byNumber,
    body: z.strictObject({
      repo: absolutePath,
      ...forgeChoice.shape,
      method: z.enum(['merge', 'squash', 'rebase']).optional(),
      expectedHead: z
        .string()
        .regex(/^[0-9a-f]{40,64}$/)
        .optional(),
    }),
    answer: z.object({
      commit: z.string(),
      repository: z.object({ updated: z.boolean(), message: z.string() }),
    }),
  }),
  /** Local forge only: what a reviewer or an external check says of a pull request. */
  review: route({
    method: 'POST',
    path: '/v1/pulls/:number/reviews',
    params: byNumber,
    body: z.strictObject({
      repo: absolutePath,
      author: text(100).min(1),
      verdict: z.enum(['approve', 'request-changes', 'comment']),
      body: text(20_000).default(''),
    }),
    answer: none,
  }),
  check: route({
    method: 'POST',
    path: '/v1/pulls/:number/checks',
    params: byNumber,
    body: z.strictObject({
      repo: absolutePath,
      name: text(60).min(1),
      state: z.enum(['pending', 'success', 'failure']),
      required: z.boolean().default(true),
      commit: z.string().regex(/^[0-9a-f]{40,64}$/),
      summary: text(20_000).optional(),
    }),
    answer: none,
  }),
  /** Removes workspaces, branches and directories of tasks that ended; `force` also ends agents that nothing owns. Never unmerged work. */
  cleanup: route({
    method: 'POST',
    path: '/v1/cleanup',
    body: z.strictObject({ force: z.boolean().default(false), dryRun: z.boolean().default(false) }),
    answer: z.object({
      removed: z.array(z.string()),
      kept: z.array(z.object({ what: z.string(), why: z.string() })),
    }),
  }),
  /** Ends the daemon; `agents` ends all agents first (their tasks are cancelled). Otherwise agents live on. */
  stop: route({
    method: 'POST',
    path: '/v1/stop',
    body: z.strictObject({ agents: z.boolean().default(false) }),
    answer: z.object({ stoppedAgents: z.int() }),
  }),
  backup: route({
    method: 'POST',
    path: '/v1/store/backup',
    body: z.strictObject({ file: absolutePath }),
    answer: z.object({ file: z.string(), bytes: z.int() }),
  }),
  checkStore: route({
    method: 'GET',
    path: '/v1/store/check',
    answer: z.object({ faults: z.array(z.string()) }),
  }),
} as const

export type Routes = typeof routes
export type RouteName = keyof Routes
type Of<S, K extends string> = S extends Record<K, infer Z extends z.ZodType> ? Z : never
/** What a caller gives for a verb: path parameters, query and body together in one object each. */
export type Input<N extends RouteName> = {
  [K in 'params' | 'query' | 'body' as Of<Routes[N], K> extends never ? never : K]: z.input<Of<Routes[N], K>>
}
/** What a handler gets after the schemas were applied. */
export type Checked<N extends RouteName> = {
  [K in 'params' | 'query' | 'body' as Of<Routes[N], K> extends never ? never : K]: z.output<Of<Routes[N], K>>
}
export type Answer<N extends RouteName> = z.output<Routes[N]['answer']>

/** `GET /v1/events`: each event has its seq as id; `Last-Event-ID` or `after` resumes without gap or double. */
export const eventsQuery = z.object({
  after: z.coerce.number().int().min(0).optional(),
  run: id.optional(),
  task: id.optional(),
  types: z.string().max(1_000).optional(),
})

/** Body of every answer that is not 2xx. */
export const errorSchema = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    fix: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
})

/** Largest request body in bytes. */
export const MAX_BODY = 8 * 1024 * 1024
