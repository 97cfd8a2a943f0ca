import { z } from 'zod'
import { SEVERITIES, topicName } from '../../message/message.ts'
import { files } from '../../message/words.ts'
import { send } from '../bus/bus.ts'
import { derivedId } from '../bus/derived-id.ts'
import { senderOf } from '../bus/sender.ts'
import { agentTool } from './agent-tools.ts'

const input = z.strictObject({
  kind: z
    .enum(['finding', 'pattern', 'tip', 'warning'])
    .describe(
      'finding: something wrong; pattern: how things are done here; tip: how something is faster; warning: a trap.',
    ),
  title: z.string().trim().min(1).max(500),
  text: z.string().trim().min(1).max(40_000).describe('What others need to know, and how you know it.'),
  severity: z.enum(SEVERITIES).default('medium').describe('Of a finding or a warning.'),
  files: files.default([]).describe('Files of the repository that it is about.'),
  topic: topicName.optional().describe('Only to who has subscribed to it; without it to all of this run.'),
})
type Discovery = z.output<typeof input>

export const shareDiscovery = agentTool({
  name: 'share_discovery',
  description:
    'Tell all agents of this run something that saves them time or harm: a finding, a pattern of this repository, a tip, a warning. They read it when their turn ends or in their inbox. Share what others will meet, not what you did.',
  input,
  output: z.object({
    id: z.string(),
    receivers: z.int().describe('How many agents it went to; 0: nobody else is there.'),
  }),
  idempotent: true,
  readOnly: false,
  async run(parts, { task }, discovery) {
    const to = discovery.topic ? `#${discovery.topic}` : '*'
    const id = derivedId(task.id, 'discovery', discovery)
    const sent = await send(parts, senderOf(task), { to, id, ...told(discovery) })
    return { id, receivers: sent.to.length }
  },
})

function told({ kind, title, text, severity, files: about }: Discovery) {
  switch (kind) {
    case 'finding': {
      const [file] = about
      const others = about.length > 1 ? `\nFiles: ${about.join(', ')}` : ''
      const payload = {
        title,
        severity,
        description: `${text}${others}`.slice(0, 50_000),
        ...(file && { file }),
      }
      return { type: 'finding_report', payload } as const
    }
    case 'pattern':
      return {
        type: 'pattern_discovered',
        payload: { name: title, description: text, files: about },
      } as const
    case 'tip':
      return { type: 'optimization_tip', payload: { tip: `${title}\n${text}`, files: about } } as const
    case 'warning':
      return { type: 'warning', payload: { text: `${title}\n${text}`, severity, files: about } } as const
  }
}
