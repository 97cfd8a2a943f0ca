import { z } from 'zod'
import { files, longText, repositoryPath, shortText } from '../message/words.ts'
import { branchName } from '../task/task.ts'

/** A handoff: the context package that moves work on to another agent. */

const list = z.array(longText.min(1)).max(100).default([])

export const handoffSchema = z.strictObject({
  /** What the receiver is to do. */
  goal: longText.min(1),
  /** The sender ends: its commits go on in the receiver's pull request. Else it brings its own. */
  transfers: z.boolean().default(true),
  urgency: z.enum(['low', 'normal', 'high', 'critical']).default('normal'),
  /** What was done until now. */
  context: z.strictObject({
    task: z.strictObject({
      id: z.string().regex(/^t-[0-9a-z]{1,40}$/),
      title: shortText,
      description: longText,
    }),
    branch: branchName,
    /** The receiver's branch starts here. */
    commit: z.string().regex(/^[0-9a-f]{40,64}$/, 'a whole commit id'),
    commits: z
      .array(z.strictObject({ id: z.string().regex(/^[0-9a-f]{40,64}$/), subject: z.string().max(500) }))
      .max(200)
      .default([]),
    filesRead: files.default([]),
    filesModified: files.default([]),
    decisions: list,
    warnings: list,
    discoveries: list,
  }),
  /** Results of MCP tools that the receiver need not ask for again. */
  mcpData: z
    .array(z.strictObject({ server: z.string().max(60), tool: z.string().max(200), result: longText }))
    .max(50)
    .default([]),
  recommendations: z
    .strictObject({
      nextActions: list,
      issues: list,
      optimisations: list,
      testing: list,
      securityReview: list,
    })
    .prefault({}),
  /** Profiles or capabilities that are to judge the receiver's work. */
  validation: z.array(z.string().max(40)).max(10).default([]),
  blockingIssues: list,
  /** Files, tasks or services that the work depends on. */
  dependencies: z
    .array(z.union([repositoryPath, longText.min(1)]))
    .max(100)
    .default([]),
})
export type Handoff = z.output<typeof handoffSchema>
