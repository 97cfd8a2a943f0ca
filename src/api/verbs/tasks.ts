import { z } from 'zod'
import { limitsSchema } from '../../profile/profile.ts'
import { branchName, labelName, profileName } from '../../task/task.ts'
import { routeTable } from '../route-table.ts'
import { runSchema, taskDetailSchema, taskSchema } from '../views.ts'
import { absolutePath, byId, none, route, taskId, taskName, text } from './shape.ts'

/** The verbs of runs, tasks and their agents. */

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
  /** What one attempt may use; over those of the profile and the settings. */
  limits: limitsSchema.optional(),
  /** The agent's own terminal interface instead of its headless mode; needs the runtime tmux. */
  interactive: z.boolean().optional(),
  /** Profiles whose agents must approve the work before it counts as done. */
  validate: z.array(profileName).max(10).optional(),
  /** Labels that a host must have to take it. */
  labels: z.array(labelName).max(20).optional(),
  /** Tasks that must be accepted before it is due: ids, or positions in this submission, counted from 0. */
  after: z
    .array(z.union([z.int().min(0).max(999), taskId]))
    .max(1_000)
    .optional(),
})
export type NewTaskRequest = z.infer<typeof newTaskSchema>

/** What all attempts of a run may use together; over those of the settings. */
const runLimitsSchema = z.strictObject({
  wallMinutes: z.number().positive().max(100_000).optional(),
  tokens: limitsSchema.shape.tokens,
  costUsd: limitsSchema.shape.costUsd,
})

export const submitSchema = z.strictObject({
  requestId: z
    .string()
    .min(8)
    .max(100)
    .regex(/^[\w-]+$/),
  repo: absolutePath,
  tasks: z.array(newTaskSchema).min(1).max(1_000),
  limits: runLimitsSchema.optional(),
  /** Variables of the caller's shell for the agents; kept out of journal and logs. */
  env: z.record(z.string().regex(/^[A-Za-z_]\w{0,99}$/), text(32_768)).default({}),
})
export type SubmitRequest = z.input<typeof submitSchema>

export const taskVerbs = {
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
    params: z.object({ id: taskName }),
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
  /** Ends the turn of a running agent; it goes on with `text`, or with the next word. */
  interrupt: route({
    ...routeTable.interrupt,
    params: byId,
    body: z.strictObject({ text: text(100_000).min(1).optional() }),
    answer: none,
  }),
  /** Answers the oldest permission question of an agent whose profile asks. `open`: how many are left. */
  permit: route({
    ...routeTable.permit,
    params: byId,
    body: z.strictObject({ allow: z.boolean() }),
    answer: z.object({ question: z.object({ id: z.string(), about: z.string() }), open: z.int() }),
  }),
  /** The readable transcript of the current or last attempt from byte `from`; `next` is where to go on. */
  log: route({
    ...routeTable.log,
    params: byId,
    query: z.object({
      from: z.coerce.number<number>().int().min(0).default(0),
      attempt: z.coerce.number<number>().int().min(1).optional(),
    }),
    answer: z.object({
      text: z.string(),
      next: z.int(),
      ended: z.boolean(),
      /** The host that has the log and does not answer: the text is what the journal tells. */
      gone: z.string().optional(),
    }),
  }),
  attach: route({
    ...routeTable.attach,
    params: byId,
    /** `host`: the other host that the agent is on; `argv` and `ssh` (one line for a shell) get there by SSH. */
    answer: z.object({
      argv: z.array(z.string()).min(1),
      host: z.string().optional(),
      ssh: z.string().optional(),
    }),
  }),
}
