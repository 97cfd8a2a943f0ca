import { z } from 'zod'
import { OrchError } from '../../errors.ts'
import { messageId, type PayloadOf, SEVERITIES } from '../../message/message.ts'
import { files } from '../../message/words.ts'
import { answerTo, type Request, requestAskedOf } from '../bus/answer.ts'
import { countAsRead } from '../bus/count-as-read.ts'
import { senderOf } from '../bus/sender.ts'
import type { Parts } from '../parts.ts'
import { agentTool, type Caller } from './agent-tools.ts'

const text = z.string().trim().min(1).max(50_000)

const input = z.strictObject({
  request: messageId.describe('The id of the request, as its message says.'),
  text: text.describe(
    'The answer; or what your verdict rests on: what you looked at, what you ran, what came out.',
  ),
  verdict: z.enum(['approved', 'refused']).optional().describe('For a validation_request, and needed there.'),
  findings: z
    .array(
      z.strictObject({
        title: z.string().trim().min(1).max(500),
        severity: z.enum(SEVERITIES),
        description: text,
        file: z.string().max(1_000).optional(),
        line: z.int().min(1).optional(),
        recommendation: text.optional(),
      }),
    )
    .max(100)
    .default([])
    .describe('With a verdict: each thing that you found. A refusal needs at least one, or says it in text.'),
  declined: z.boolean().default(false).describe('true: you cannot answer; text says why.'),
  files: files.default([]).describe('Files of the repository that the answer is about.'),
})

export const answer = agentTool({
  name: 'answer',
  description: [
    'Answer a request that another agent, a program or a person has sent to you: an assistance_request with text, a validation_request with verdict, text and findings.',
    'It goes to whoever asked, who may be waiting for it. A request has one answer.',
  ].join(' '),
  input,
  output: z.object({ id: z.string().describe('Of your answer.'), to: z.string().describe('Who gets it.') }),
  idempotent: true,
  readOnly: false,
  async run(parts, caller, given) {
    const request = await requestAskedOf(parts, caller.task.id, given.request)
    const { id, to } = await answerTo(parts, senderOf(caller.task), request, payloadOf(request, given))
    await readWithAnswer(parts, caller, request)
    return { id, to: to[0] ?? request.message.from }
  },
})

/** @throws OrchError E_INVALID */
function payloadOf({ message }: Request, given: z.output<typeof input>): Record<string, unknown> {
  const { verdict, findings, declined } = given
  if (message.type === 'assistance_request') {
    if (verdict)
      throw new OrchError('E_INVALID', 'verdict: this is a question, it has an answer and no verdict')
    return { status: declined ? 'declined' : 'answered', answer: given.text, files: given.files }
  }
  if (!verdict)
    throw new OrchError('E_INVALID', 'verdict: this request asks for one: approved or refused', {
      fix: 'If you cannot judge it, refuse and say why in text.',
    })
  const { commit } = message.payload as PayloadOf<'validation_request'>
  return { verdict, summary: given.text, findings, ...(commit && { commit }) }
}

/** Who answers a request has read it: it must be neither shown again nor be a dead letter when the task ends. */
async function readWithAnswer(parts: Parts, caller: Caller, { message, state }: Request): Promise<void> {
  const { task, attempt } = caller
  const hearing = await parts.hearings.of(attempt)
  const isSeen = hearing.given.has(message.id) || task.spec.origin?.message === message.id
  if (!isSeen || state !== 'waiting') return
  await countAsRead(parts, caller, [message.id])
  hearing.given.delete(message.id)
}
