import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import { type MessageType, messageId, PRIORITIES } from '../../message/message.ts'
import { send } from '../bus/bus.ts'
import { senderOf } from '../bus/sender.ts'
import { agentTool } from './agent-tools.ts'

/** What agents tell each other of themselves. Requests, answers, handoffs and tasks have tools that do more. */
const TYPES = [
  'context_share',
  'warning',
  'finding_report',
  'progress_update',
  'pattern_discovered',
  'optimization_tip',
] as const satisfies MessageType[]

export const sendMessage = agentTool({
  name: 'send_message',
  description: [
    'Send a message to another agent, to a person or to many. It waits there until it is read; nobody is interrupted unless the priority is critical.',
    'Say it in text, or field by field in payload. For a question use request_assistance, to have work judged request_validation, to reply to a request answer, for what all should know share_discovery.',
  ].join(' '),
  input: z.strictObject({
    to: z
      .string()
      .trim()
      .min(1)
      .max(80)
      .describe('An agent (list_agents) or task, person, #topic, or * for all of this run.'),
    type: z.enum(TYPES).default('context_share'),
    text: z
      .string()
      .trim()
      .min(1)
      .max(50_000)
      .optional()
      .describe('The message. Its first line is the title where the type has one.'),
    payload: z
      .looseObject({})
      .optional()
      .describe(
        'Instead of text: context_share {subject, content, files}; warning {text, severity, files}; finding_report {title, severity, description, file, line, evidence, recommendation}; progress_update {summary, percent}; pattern_discovered {name, description, files}; optimization_tip {tip, benefit, files}.',
      ),
    priority: z.enum(PRIORITIES).default('normal'),
    correlationId: messageId.optional().describe('The id of an earlier message that this belongs to.'),
  }),
  output: z.object({
    id: z.string(),
    receivers: z.int().describe('How many it went to; 0: nobody else is there.'),
  }),
  idempotent: false,
  readOnly: false,
  async run(parts, { task }, { to, type, text, payload, priority, correlationId }) {
    if ((text === undefined) === (payload === undefined))
      throw new OrchError('E_INVALID', 'say it either in text or in payload')
    const content = text === undefined ? payload : fromText(type, text)
    const order = { to, type, payload: content, priority, ...(correlationId && { correlationId }) }
    const sent = await send(parts, senderOf(task), order)
    return { id: sent.id, receivers: sent.to.length }
  },
})

/** The payload of a type for which one text says enough. */
export function fromText(type: (typeof TYPES)[number], text: string): Record<string, unknown> {
  const title = (text.split('\n')[0] ?? '').trim().slice(0, 500)
  switch (type) {
    case 'context_share':
      return { subject: title, content: text }
    case 'warning':
      return { text }
    case 'finding_report':
      return { title, severity: 'medium', description: text }
    case 'progress_update':
      return { summary: text }
    case 'pattern_discovered':
      return { name: title, description: text }
    case 'optimization_tip':
      return { tip: text }
  }
}
