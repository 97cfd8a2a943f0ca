import { z } from 'zod'
import { topicName } from '../../message/message.ts'
import { openTaskMailbox } from '../bus/audience.ts'
import { agentTool } from './agent-tools.ts'

const topics = z.array(topicName).max(50).default([])
const MOST_TOPICS = 100

export const subscribe = agentTool({
  name: 'subscribe',
  description:
    'Get what is sent to topics (#name) from now on, or no longer. Topics are free words on which agents of this run agree, for instance database or api-changes. Without any argument it lists yours. What goes to all of the run you get anyway.',
  input: z.strictObject({
    topics: topics.describe('Names of topics to get, without #.'),
    leave: topics.describe('Names of topics that you no longer want.'),
  }),
  output: z.object({ topics: z.array(z.string()).describe('All that you have subscribed to now.') }),
  idempotent: true,
  readOnly: false,
  async run(parts, { task, attempt }, { topics: more, leave }) {
    const { mailboxes } = parts.store
    const name = await openTaskMailbox(parts, task, attempt.agent)
    const before = (await mailboxes.find(name))?.topics ?? []
    const wanted = [...new Set([...before, ...more])]
      .filter((topic) => !leave.includes(topic))
      .slice(0, MOST_TOPICS)
    if (wanted.join() === before.join()) return { topics: before }
    const box = { name, reader: attempt.agent, topics: wanted, capacity: parts.config.mailboxSize }
    return { topics: (await mailboxes.open(box, parts.clock.now())).topics }
  },
})
