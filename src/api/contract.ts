import { z } from 'zod'
import type { routeTable } from './route-table.ts'
import { agentToolVerbs } from './verbs/agent-tools.ts'
import { deadLetterVerbs } from './verbs/dead-letters.ts'
import { handoffVerbs } from './verbs/handoffs.ts'
import { hostVerbs } from './verbs/hosts.ts'
import { mailboxVerbs } from './verbs/mailboxes.ts'
import { mcpServerVerbs } from './verbs/mcp-servers.ts'
import { messageVerbs } from './verbs/messages.ts'
import { profileVerbs } from './verbs/profiles.ts'
import { pullVerbs } from './verbs/pulls.ts'
import { id, type Shape } from './verbs/shape.ts'
import { taskVerbs } from './verbs/tasks.ts'
import { upkeepVerbs } from './verbs/upkeep.ts'
import { usageVerbs } from './verbs/usage.ts'

export type * from './message-views.ts'
export type { DeadLetterDetail } from './verbs/dead-letters.ts'
export type { Shape } from './verbs/shape.ts'
export { type NewTaskRequest, newTaskSchema, type SubmitRequest } from './verbs/tasks.ts'
export * from './views.ts'

/**
 * The API: every request and answer as a schema. The server checks what comes in, `--json` prints what goes out;
 * docs/api.md is made from it. Adding a field keeps SCHEMA_VERSION, changing or removing one raises it.
 */
export const SCHEMA_VERSION = 1

/** Every verb that answers once, by topic. `GET /v1/events` (server-sent events) stands beside them, see eventsQuery. */
export const routes = {
  ...taskVerbs,
  ...pullVerbs,
  ...profileVerbs,
  ...mcpServerVerbs,
  ...messageVerbs,
  ...mailboxVerbs,
  ...deadLetterVerbs,
  ...handoffVerbs,
  ...agentToolVerbs,
  ...upkeepVerbs,
  ...hostVerbs,
  ...usageVerbs,
} as const satisfies Record<keyof typeof routeTable, Shape>

export type Routes = typeof routes
export type RouteName = keyof Routes
type Of<S, K extends string> = S extends Record<K, infer Z extends z.ZodType> ? Z : never
type Part = 'params' | 'query' | 'bearer' | 'body'
/** What a caller gives for a verb: path parameters, query and body together in one object each; the bearer token as text. */
export type Input<N extends RouteName> = {
  [K in Part as Of<Routes[N], K> extends never ? never : K]: z.input<Of<Routes[N], K>>
}
/** What a handler gets after the schemas were applied. */
export type Checked<N extends RouteName> = {
  [K in Part as Of<Routes[N], K> extends never ? never : K]: z.output<Of<Routes[N], K>>
}
export type Answer<N extends RouteName> = z.output<Routes[N]['answer']>
/**
 * What stands behind the API: one function a verb. It throws OrchError; anything else is a bug (E_INTERNAL). `gone` aborts
 * when the caller went away or the daemon ends: for verbs that wait; never for others.
 */
export type Handlers = { [N in RouteName]: (input: Checked<N>, gone?: AbortSignal) => Promise<Answer<N>> }

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
