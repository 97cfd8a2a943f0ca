import { z } from 'zod'
import { branchName } from '../../task/task.ts'
import { routeTable } from '../route-table.ts'
import { pullRequestDetailSchema, pullRequestSchema } from '../views.ts'
import { byNumber, forgeChoice, inRepo, none, repositoryName, route, text } from './shape.ts'

/** The verbs of pull requests. */

export const pullVerbs = {
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
      repo: repositoryName,
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
      repo: repositoryName,
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
      repo: repositoryName,
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
      repo: repositoryName,
      name: text(60).min(1),
      state: z.enum(['pending', 'success', 'failure']),
      required: z.boolean().default(true),
      commit: z.string().regex(/^[0-9a-f]{40,64}$/),
      summary: text(20_000).optional(),
    }),
    answer: none,
  }),
}
