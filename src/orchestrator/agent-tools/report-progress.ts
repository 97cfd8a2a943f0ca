import { z } from 'zod'
import { agentTool } from './agent-tools.ts'

/** How many notes the journal takes for one task; its log and the dashboard are read by people. */
const MOST_NOTES = 1_000

export const reportProgress = agentTool({
  name: 'report_progress',
  description: [
    'Tell the people who wait for this task how far you are. Call it when a step that matters is done, when the plan changes, or when something holds you up; not for every small action.',
    'It changes nothing in your task: use complete_task when the work is finished.',
  ].join(' '),
  input: z.strictObject({
    summary: z
      .string()
      .trim()
      .min(1)
      .max(2_000)
      .describe('What is done and what comes next, in one or two sentences.'),
    percent: z
      .number()
      .min(0)
      .max(100)
      .optional()
      .describe('How much of the task is done, 0 to 100. Leave it out when you cannot tell.'),
  }),
  output: z.object({
    recorded: z.boolean().describe('false: this task has too many notes already; go on without them.'),
  }),
  idempotent: false,
  readOnly: false,
  async run({ store, clock }, { task, fence }, { summary, percent }) {
    const notes = await store.journal.read({ taskId: task.id, types: ['agent.progress'], limit: MOST_NOTES })
    if (notes.length >= MOST_NOTES) return { recorded: false }
    const data = percent === undefined ? { summary } : { summary, percent }
    await store.tasks.progress(fence, { events: [{ type: 'agent.progress', at: clock.now(), data }] })
    return { recorded: true }
  },
})
