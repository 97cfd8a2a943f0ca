import { z } from 'zod'
import { agentTool } from './agent-tools.ts'

const FINISHED =
  'Recorded. End your turn now. Orch looks at the branch and its pull request itself: only what is committed counts.'
const GIVEN_UP = 'Recorded. End your turn now. What is in the workspace is saved for whoever tries next.'

export const completeTask = agentTool({
  name: 'complete_task',
  description: [
    'Say that you are finished with your task, as the last thing you do before you end your turn. First commit your work on the branch of the task.',
    'With done=false you give the task up: then the summary says what stood in the way, so that the next attempt or a person can go on.',
    'Your word alone does not complete the task: Orch checks the branch, the pull request and its checks.',
  ].join(' '),
  input: z.strictObject({
    summary: z
      .string()
      .trim()
      .min(1)
      .max(10_000)
      .describe('What you did and how it was tested; or, with done=false, why it cannot be done.'),
    done: z.boolean().default(true).describe('false: you give up.'),
  }),
  output: z.object({ next: z.string().describe('What to do now.') }),
  idempotent: true,
  readOnly: false,
  async run({ store, clock }, { attempt, fence }, { summary, done }) {
    const next = done ? FINISHED : GIVEN_UP
    const { word } = attempt
    if (word?.done === done && word.summary === summary) return { next }
    const event = { type: 'agent.completed', at: clock.now(), data: { done, summary } } as const
    await store.tasks.progress(fence, { attempt: { word: { done, summary } }, events: [event] })
    return { next }
  },
})
