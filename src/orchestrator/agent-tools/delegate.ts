import { z } from 'zod'
import { profileName } from '../../task/task.ts'
import { workspaceOf } from '../attempt/stop.ts'
import { delegateParts } from '../family/delegation.ts'
import type { Parts } from '../parts.ts'
import { agentTool, type Caller } from './agent-tools.ts'
import { awaitChildren } from './await-children.ts'
import { MOST_WAIT, shownMessage } from './inbox.ts'

const task = z.object({
  task: z.string().describe('Its id.'),
  title: z.string(),
  profile: z.string(),
  branch: z.string(),
  state: z.string().describe('accepted, dead and cancelled are ends.'),
  result: z
    .object({
      status: z.string(),
      summary: z.string().describe('What its agent says it did: a claim until you have looked.'),
      head: z.string().optional().describe('Its last commit.'),
      pullRequest: z.string().optional(),
      reason: z.string().optional().describe('Why it did not succeed.'),
      merge: z.string().optional().describe('merged: its commits are in your branch.'),
      conflicts: z.array(z.string()).optional(),
      next: z.string().optional().describe('What to do about it.'),
    })
    .optional(),
})

/** What both tools answer. */
export const childrenOutput = z.object({
  tasks: z.array(task).describe('All tasks that you have delegated, in this attempt and before.'),
  pending: z.int().describe('How many of them are not at their end.'),
  messages: z.array(shownMessage).describe('What else came for you meanwhile.'),
  notes: z.array(z.string()).describe('What you should know.'),
  next: z.string().describe('What to do now.'),
})

export const waitField = z
  .number()
  .min(0)
  .max(MOST_WAIT)
  .describe(`Seconds to wait for results, at most ${MOST_WAIT}.`)

const part = z.strictObject({
  title: z.string().trim().min(1).max(200).describe('What it is, in a few words.'),
  description: z
    .string()
    .trim()
    .min(1)
    .max(100_000)
    .describe(
      'All that its agent must know: it sees nothing of your conversation. The outcome, how it is checked, the files, what others do meanwhile.',
    ),
  profile: profileName.optional().describe('Who: worker, specialist, security-auditor, … (`orch profiles`).'),
  validate: z
    .array(profileName)
    .max(10)
    .optional()
    .describe('Profiles that must approve it before it counts as done.'),
  priority: z.int().min(-1_000).max(1_000).optional().describe('Higher runs first.'),
})

export const delegate = agentTool({
  name: 'delegate',
  description: [
    'Give parts of your work to other agents that work at the same time, each in a worktree and branch of its own.',
    'Use it when parts can be done independently and each is worth an agent; what you do in a few minutes do yourself.',
    'Settle what the parts share first (interfaces, file formats) and commit it: they start from what you have committed.',
    "When a part is done its commits are brought into your branch; a conflict is yours to resolve. You get each part's result.",
  ].join(' '),
  input: z.strictObject({
    tasks: z.array(part).min(1).max(100),
    wait: waitField.default(0),
    request: z
      .string()
      .trim()
      .min(1)
      .max(200)
      .optional()
      .describe('A name for this call: made again with the same name it makes nothing new.'),
  }),
  output: childrenOutput,
  idempotent: true,
  readOnly: false,
  async run(parts, caller, { tasks, wait, request }) {
    const notes = await whatTheyMiss(parts, caller)
    const { created } = await delegateParts(parts, caller, tasks, request)
    if (!created) notes.push('This was asked for before: these are the tasks that were made then.')
    return { ...(await awaitChildren(parts, caller, wait)), notes }
  },
})

/** They start from commits: what is not committed they do not see. */
async function whatTheyMiss(parts: Parts, { task }: Caller): Promise<string[]> {
  const { integrate } = await parts.settings(task.spec.repo)
  if (integrate !== 'merge')
    return ['Each opens a pull request of its own; nothing is merged into your branch.']
  const { onBranch, uncommitted } = await parts.workspaces.standing(workspaceOf(parts, task))
  return [
    ...(onBranch
      ? []
      : [`You are not on your branch: they start from the last commit of ${task.spec.branch}.`]),
    ...(uncommitted.length > 0
      ? [`They start from your last commit and do not see what is uncommitted: ${shown(uncommitted)}.`]
      : []),
  ]
}

const shown = (files: readonly string[]) =>
  `${files.slice(0, 10).join(', ')}${files.length > 10 ? ` and ${files.length - 10} more` : ''}`
