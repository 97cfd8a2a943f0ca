import { z } from 'zod'

/** What the verbs of the API are made of. */

export const id = z.string().regex(/^[rt]-[0-9a-z]{1,40}$/, 'an id looks like t-4kq8…')
export const taskId = z.templateLiteral(['t-', z.string().regex(/^[0-9a-z]{1,40}$/)])
export const absolutePath = z
  .string()
  .max(4_096)
  .regex(/^\/[^\0]*$/, 'an absolute path')
/** A repository of this host by its path, or one of another host. */
export const repositoryName = z
  .string()
  .max(4_200)
  .regex(/^(?:[a-z0-9][a-z0-9.-]{0,62}:)?\/[^\0]*$/, 'an absolute path, or HOST:/path')
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes('\0'), 'no NUL characters')

/** A task as people name it: by its id, the beginning of its id, or the name of an agent. */
export const taskName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/, 'the id of a task, its beginning, or the name of an agent')

export const none = z.object({})
export const jsonObject = z.record(z.string(), z.unknown())
/** Several of these values, with commas between them. */
export const listOf = <const T extends string>(values: readonly [T, ...T[]]) =>
  z
    .string()
    .max(1_000)
    .transform((given) => given.split(','))
    .pipe(z.array(z.enum(values)))
/** How long a request may stay open until there is something to answer, in ms. */
export const MOST_WAIT_MS = 30_000
export const byId = z.object({ id })
export const inRepo = z.object({ repo: repositoryName })
export const byNumber = z.object({ number: z.coerce.number<number>().int().positive() })
export const forgeChoice = z.object({ forge: z.enum(['auto', 'local', 'github']).optional() })

/** What a verb takes and gives, each checked by its schema. */
export interface Shape {
  method: 'GET' | 'POST'
  path: string
  params?: z.ZodType
  query?: z.ZodType
  /** The token of `Authorization: Bearer`, for verbs that ask who calls. */
  bearer?: z.ZodType
  body?: z.ZodType
  answer: z.ZodType
  /** It may wait before it answers, until the caller goes away or the daemon ends. */
  waits?: true
}
/** Keeps the exact type of a shape. */
export const route = <const S extends Shape>(shape: S): S => shape
