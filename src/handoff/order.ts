import { z } from 'zod'
import { messageId } from '../message/message.ts'
import { capability, files, longText, shortText } from '../message/words.ts'
import { profileName } from '../task/task.ts'
import { handoffSchema } from './handoff.ts'

/** What is given for a handoff, flat: language models fill flat fields more reliably than nested ones. */

const { urgency, transfers, goal, mcpData, validation } = handoffSchema.shape
const lines = z.array(longText.min(1)).max(100).optional()

export const handoffOrder = z.strictObject({
  goal: goal.describe('What the receiver is to do, so that it can begin without asking you.'),
  to: z.string().trim().min(1).max(64).optional().describe('An agent or task that is at work.'),
  profile: profileName.optional().describe('Kind of agent for a new task.'),
  capability: capability.optional().describe('What the new agent has to be good at, such as `database`.'),
  title: shortText.optional().describe('Of the new task; made from the goal if left out.'),
  transfers: transfers
    .unwrap()
    .optional()
    .describe(
      'true (only to a new task, and the default there): your commits go on with the receiver and you end. false: you bring your own work too.',
    ),
  urgency,
  id: messageId.optional().describe('A name of your own for this handoff, to call again safely.'),
  branch: z.string().max(200).optional().describe('Your branch; filled in if left out.'),
  commits: z
    .array(z.string().regex(/^[0-9a-f]{7,64}$/, 'a commit id'))
    .max(50)
    .optional()
    .describe('Commits of your branch to look at first; the newest are filled in.'),
  filesRead: files.optional().describe('Files that matter, by their path in the repository.'),
  filesModified: files.optional().describe('Filled in from your commits.'),
  decisions: lines.describe('What you decided, and why.'),
  warnings: lines.describe('What the receiver must not run into.'),
  discoveries: lines.describe('What you found out.'),
  nextActions: lines.describe('What you would do next, in order.'),
  issues: lines.describe('What is wrong and still open.'),
  optimisations: lines,
  testing: lines.describe('How to test it; what is not tested.'),
  securityReview: lines.describe('What has to be looked at for security.'),
  mcpData: mcpData.unwrap().optional().describe('Results of tools that need not be asked for again.'),
  validation: validation
    .unwrap()
    .optional()
    .describe('Profiles or capabilities that must approve the work of the receiver.'),
  blockingIssues: lines.describe('What stands in the way.'),
  dependencies: lines.describe('Files, tasks or services that it depends on.'),
})

/** A handoff as it is asked for: a goal, one receiver, and what Orch cannot know by itself. */
export type HandoffOrder = z.output<typeof handoffOrder>
