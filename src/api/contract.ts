import { z } from 'zod'
import { branchName, profileName } from '../task/task.ts'
import { routeTable } from './route-table.ts'
import {
  pullRequestDetailSchema,
  pullRequestSchema,
  runSchema,
  statusSchema,
  taskDetailSchema,
  taskSchema,
} from './views.ts'

export * from './views.ts'

/**
 * The API: every request and answer as a schema. The server checks what comes in, `--json` prints what goes out;
 * docs/api.md is made from it. Adding a field keeps SCHEMA_VERSION, changing or removing one raises it.
 */
export const SCHEMA_VERSION = 1

const id = z.string().regex(/^[rt]-[0-9a-z]{1,40}$/, 'an id looks like t-4kq8…')
const absolutePath = z
  .string()
  .max(4_096)
  .regex(/^\/[^\0]*$/, 'an absolute path')
const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'no NUL characters')

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

const none = z.object({})
const byId = z.object({ id })
const inRepo = z.object({ repo: absolutePath })
const byNumber = z.object({ number: z.coerce.number<number>().int().positive() })
const forgeChoice = z.object({ forge: z.enum(['auto', 'local', 'github']).optional() })

/** What a verb takes and gives, each checked by its schema. */
export interface Shape {
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
    ...routeTable.health,
    answer: z.object({ ok: z.literal(true), version: z.string(), pid: z.int() }),
  }),
  status: route({
    ...routeTable.status,
    query: z.object({ repo: absolutePath.optional() }),
    answer: statusSchema,
  }),
  submit: route({ ...routeTable.submit, body: submitSchema, answer: runSchema }),
  runs: route({
    ...routeTable.runs,
    query: z.object({ limit: z.coerce.number<number>().int().min(1).max(1_000).default(50) }),
    answer: z.object({ runs: z.array(runSchema) }),
  }),
  run: route({ ...routeTable.run, params: byId, answer: runSchema }),
  /** `id` may be the beginning of an id, or an agent's name. */
  task: route({
    ...routeTable.task,
    params: z.object({
      id: z
        .string()
        .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'the id of a task, its beginning, or the name of an agent'),
    }),
    answer: taskDetailSchema,
  }),
  cancel: route({ ...routeTable.cancel, params: byId, answer: taskSchema }),
  retry: route({ ...routeTable.retry, params: byId, answer: taskSchema }),
  say: route({
    ...routeTable.say,
    params: byId,
    body: z.strictObject({ text: text(100_000).min(1) }),
    answer: none,
  }),
  /** The readable transcript of the current or last attempt from byte `from`; `next` is where to go on. */
  log: route({
    ...routeTable.log,
    params: byId,
    query: z.object({
      from: z.coerce.number<number>().int().min(0).default(0),
      attempt: z.coerce.number<number>().int().min(1).optional(),
    }),
    answer: z.object({ text: z.string(), next: z.int(), ended: z.boolean() }),
  }),
  attach: route({
    ...routeTable.attach,
    params: byId,
    answer: z.object({ argv: z.array(z.string()).min(1) }),
  }),
  pulls: route({
    ...routeTable.pulls,
    query: inRepo.extend({ ...forgeChoice.shape, state: z.enum(['open', 'merged', 'closed']).optional() }),
    answer: z.object({ pulls: z.array(pullRequestSchema) }),
  }),
  pull: route({
    ...routeTable.pull,
    params: byNumber,
    query: inRepo.extend(forgeChoice.shape),
    answer: pullRequestDetailSchema,
  }),
  diff: route({
    ...routeTable.diff,
    params: byNumber,
    query: inRepo.extend(forgeChoice.shape),
    answer: z.object({ diff: z.string() }),
  }),
  /** Opens a pull request from a branch that is on the forge, or gives the open one that the branch has. */
  openPull: route({
    ...routeTable.openPull,
    body: z.strictObject({
      repo: absolutePath,
      ...forgeChoice.shape,
      head: branchName,
      base: branchName,
      title: text(200).min(1),
      body: text(20_000).default(''),
    }),
    answer: pullRequestSchema,
  }),
  merge: route({
    ...routeTable.merge,
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
    ...routeTable.review,
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
    ...routeTable.check,
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
    ...routeTable.cleanup,
    body: z.strictObject({ force: z.boolean().default(false), dryRun: z.boolean().default(false) }),
    answer: z.object({
      removed: z.array(z.string()),
      kept: z.array(z.object({ what: z.string(), why: z.string() })),
    }),
  }),
  /** Ends the daemon; `agents` ends all agents first (their tasks are cancelled). Otherwise agents live on. */
  stop: route({
    ...routeTable.stop,
    body: z.strictObject({ agents: z.boolean().default(false) }),
    answer: z.object({ stoppedAgents: z.int() }),
  }),
  backup: route({
    ...routeTable.backup,
    body: z.strictObject({ file: absolutePath }),
    answer: z.object({ file: z.string(), bytes: z.int() }),
  }),
  checkStore: route({ ...routeTable.checkStore, answer: z.object({ faults: z.array(z.string()) }) }),
} as const satisfies Record<keyof typeof routeTable, Shape>

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
/** What stands behind the API: one function a verb. It throws OrchError; anything else is a bug (E_INTERNAL). */
export type Handlers = { [N in RouteName]: (input: Checked<N>) => Promise<Answer<N>> }

/** `GET /v1/events`: each event has its seq as id; `Last-Event-ID` or `after` resumes without gap or double. */
export const eventsQuery = z.object({
  after: z.coerce.number<number>().int().min(0).optional(),
  run: id.optional(),
  task: id.optional(),
  /** Event types with commas between them; every type when absent. */
  types: z
    .string()
    .max(1_000)
    .regex(/^[a-z.]+(,[a-z.]+)*$/, 'event types with commas between them')
    .optional(),
  /** `no`: what is in the journal now, then the end. */
  follow: z.enum(['yes', 'no']).default('yes'),
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
