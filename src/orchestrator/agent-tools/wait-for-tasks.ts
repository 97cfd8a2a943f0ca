import { z } from 'zod'
import { agentTool } from './agent-tools.ts'
import { awaitChildren } from './await-children.ts'
import { childrenOutput, waitField } from './delegate.ts'
import { MOST_WAIT } from './inbox.ts'

export const waitForTasks = agentTool({
  name: 'wait_for_tasks',
  description: [
    'Wait for the tasks that you have delegated and get their results; with wait=0, see how they stand.',
    'It answers when all are at their end, somebody asks you something, or the time is over; call it again as long as some are pending.',
    'While you wait, finished branches are brought into yours: leave nothing uncommitted in files that others change.',
  ].join(' '),
  input: z.strictObject({ wait: waitField.default(MOST_WAIT) }),
  output: childrenOutput,
  idempotent: true,
  readOnly: false,
  run: async (parts, caller, { wait }) => ({ ...(await awaitChildren(parts, caller, wait)), notes: [] }),
})
